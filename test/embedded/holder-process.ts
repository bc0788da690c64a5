/** Takes the data directory and keeps it until it is killed. */
import { lockDataDir } from '../../src/embedded/data-dir.ts';

await lockDataDir(process.env.TEST_DATA_DIR ?? '');
process.send?.('locked');
process.on('message', () => {});
