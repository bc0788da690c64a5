import { type Static, Type } from 'typebox';
import { ConditionFailed, type Table } from '../cloud/tables/port.ts';
import { AppError } from '../kernel/errors.ts';
import { scopePattern } from './client-settings.ts';
import { clientTypes } from './client-type.ts';

/** Whether clients may register themselves at a tenant (RFC 7591), and what they may be. */
export const registrationPolicySchema = Type.Object(
  {
    enabled: Type.Boolean({ description: 'Who registers needs an initial access token all the same' }),
    types: Type.Array(Type.Enum([...clientTypes]), { uniqueItems: true, maxItems: clientTypes.length }),
    scopes: Type.Array(Type.String({ pattern: scopePattern }), {
      maxItems: 100,
      uniqueItems: true,
      description: 'API scopes that they may ask for; none of the admin API',
    }),
    redirectHosts: Type.Array(Type.String({ pattern: '^[a-z0-9.:-]{1,253}$' }), {
      maxItems: 100,
      uniqueItems: true,
      description:
        'hosts, or private-use schemes, to which their redirect URIs may lead; with none of them: anywhere',
    }),
  },
  { additionalProperties: false },
);

export type RegistrationPolicy = Static<typeof registrationPolicySchema>;

export const defaultRegistrationPolicy: RegistrationPolicy = {
  enabled: false,
  types: ['web', 'spa', 'native'],
  scopes: [],
  redirectHosts: [],
};

export interface RegistrationPolicies {
  /** The defaults where none was stored. */
  get(): Promise<RegistrationPolicy>;
  /** `change` runs again when somebody else wrote in between. `AppError('conflict')` when others keep writing. */
  change(change: (policy: RegistrationPolicy) => RegistrationPolicy): Promise<RegistrationPolicy>;
}

const key = { pk: 'Policy', sk: 'client-registration' };
const changeAttempts = 5;

export function createRegistrationPolicies({ table }: { table: Table }): RegistrationPolicies {
  const read = async () => (await table.get(key))?.document as string | undefined;
  const parse = (document: string | undefined) =>
    document === undefined ? defaultRegistrationPolicy : (JSON.parse(document) as RegistrationPolicy);

  return {
    get: async () => parse(await read()),

    async change(change) {
      for (let attempt = 1; attempt <= changeAttempts; attempt += 1) {
        const document = await read();
        const next = change(parse(document));
        try {
          await table.put({ ...key, document: JSON.stringify(next) }, [
            document === undefined ? { exists: false } : { attribute: 'document', equals: document },
          ]);
          return next;
        } catch (error) {
          if (!(error instanceof ConditionFailed)) throw error;
        }
      }
      throw new AppError('conflict', 'It is being changed by somebody else. Try again.');
    },
  };
}
