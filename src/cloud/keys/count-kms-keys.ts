import { ListAliasesCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { connectKms, type KmsConnection, type KmsConnectionOptions } from './kms-call.ts';
import { deploymentAliases } from './kms-names.ts';

/** How many keys the account has in the region, whoever made them: what its quota is about. */
export async function countKmsKeys(options: KmsConnectionOptions): Promise<number> {
  return countPages(options, async (kms, Marker) => {
    const page = await kms.manage((client, sendOptions) =>
      client.send(new ListKeysCommand({ Limit: 1_000, ...Marker }), sendOptions),
    );
    return { ...page, count: page.Keys?.length ?? 0 };
  });
}

/** How many of them are of the deployment with this prefix; those that wait for their deletion have their aliases still. */
export async function countDeploymentKeys(
  options: KmsConnectionOptions & { prefix: string },
): Promise<number> {
  const own = deploymentAliases(options.prefix);
  return countPages(options, async (kms, Marker) => {
    const page = await kms.manage((client, sendOptions) =>
      client.send(new ListAliasesCommand({ Limit: 100, ...Marker }), sendOptions),
    );
    return {
      ...page,
      count: page.Aliases?.filter(({ AliasName = '' }) => AliasName.startsWith(own)).length ?? 0,
    };
  });
}

interface CountedPage {
  count: number;
  Truncated?: boolean | undefined;
  NextMarker?: string | undefined;
}

async function countPages(
  options: KmsConnectionOptions,
  read: (kms: KmsConnection, marker: { Marker?: string }) => Promise<CountedPage>,
): Promise<number> {
  const kms = connectKms(options);
  try {
    let count = 0;
    for (let marker: { Marker?: string } | undefined = {}; marker !== undefined; ) {
      const page = await read(kms, marker);
      count += page.count;
      marker =
        page.Truncated === true && page.NextMarker !== undefined ? { Marker: page.NextMarker } : undefined;
    }
    return count;
  } finally {
    kms.close();
  }
}
