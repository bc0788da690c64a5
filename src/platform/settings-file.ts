import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SettingsProblem } from './setting-kinds.ts';

export interface SettingsFile {
  /** Values in the form in which the environment would give them. */
  values: Record<string, string>;
  problems: SettingsProblem[];
}

/** Reads `config/tenantry.json`, which may be absent, or the file that `CONFIG_FILE` names, which may not. */
export function readSettingsFile(
  configFile: string | undefined,
  cwd: string,
  known: readonly string[],
): SettingsFile {
  const path = resolve(cwd, configFile ?? 'config/tenantry.json');
  const values: Record<string, string> = {};
  const problems: SettingsProblem[] = [];
  const report = (name: string, message: string) => problems.push({ name, message: `${message} (${path})` });
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!absent || configFile !== undefined) {
      report('CONFIG_FILE', absent ? 'does not exist' : 'is not a readable JSON file');
    }
    return { values, problems };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    report('CONFIG_FILE', 'must hold one JSON object');
    return { values, problems };
  }
  for (const [name, value] of Object.entries(content)) {
    if (!known.includes(name)) {
      report(name, 'is not a setting');
    } else if (typeof value === 'string' || typeof value === 'number') {
      values[name] = String(value);
    } else {
      report(name, 'must be a string or a number');
    }
  }
  return { values, problems };
}
