import { groupSchema } from './group-resource.ts';
import { userSchema } from './user-resource.ts';

/** An attribute as RFC 7643 §7 describes one; what is left out has the usual value. */
function attribute(name: string, description: string, characteristics: Record<string, unknown> = {}) {
  return {
    name,
    type: 'string',
    multiValued: false,
    description,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...characteristics,
  };
}

const readOnly = { mutability: 'readOnly' };

const externalId = attribute('externalId', 'What the provisioning system calls it', { caseExact: true });

function references(name: string, description: string, types: readonly string[], mutability: string) {
  return attribute(name, description, {
    type: 'complex',
    multiValued: true,
    mutability,
    subAttributes: [
      attribute('value', 'Its id', { mutability: 'immutable' }),
      attribute('display', 'Its name', readOnly),
      attribute('type', 'What it is', readOnly),
      attribute('$ref', 'Its address', { type: 'reference', referenceTypes: types, ...readOnly }),
    ],
  });
}

/** The schemas of our resources, by their URNs. */
export const scimSchemas: readonly { id: string; name: string; description: string; attributes: object[] }[] =
  [
    {
      id: userSchema,
      name: 'User',
      description: 'A person of an application tenant',
      attributes: [
        externalId,
        attribute('userName', 'The e-mail address by which the person signs in', {
          required: true,
          uniqueness: 'server',
        }),
        attribute('name', 'The name in parts', {
          type: 'complex',
          subAttributes: [
            attribute('formatted', 'The whole name'),
            attribute('givenName', 'The given name'),
            attribute('familyName', 'The family name'),
          ],
        }),
        attribute('displayName', 'The name that is shown'),
        attribute('active', 'Whether the person can sign in', { type: 'boolean' }),
        attribute('emails', 'The address, as in userName', {
          type: 'complex',
          multiValued: true,
          ...readOnly,
          subAttributes: [
            attribute('value', 'The address', readOnly),
            attribute('type', 'Always `work`', readOnly),
            attribute('primary', 'Always true', { type: 'boolean', ...readOnly }),
          ],
        }),
        attribute('roles', 'Roles given to the person', {
          type: 'complex',
          multiValued: true,
          subAttributes: [attribute('value', 'The name of the role')],
        }),
        references('groups', 'Groups that the person is in', ['Group'], 'readOnly'),
      ],
    },
    {
      id: groupSchema,
      name: 'Group',
      description: 'A group of people of an application tenant',
      attributes: [
        externalId,
        attribute('displayName', 'The name of the group', { required: true, uniqueness: 'server' }),
        references('members', 'The people in the group', ['User'], 'readWrite'),
      ],
    },
  ];
