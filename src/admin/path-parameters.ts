import { AppError } from '../kernel/errors.ts';

/** What may stand in a place of a path: its form, decoded, and for readers of the API's document what it is. */
export interface PathParameter {
  description: string;
  example: string;
  form: RegExp;
}

/** Ids of ours: a prefix and random bits, or a name that a tenant began with. */
const id = (prefix: string) => new RegExp(`^${prefix}_[A-Za-z0-9_-]{1,64}$`);

/** What stands in braces in paths; a test finds what is missing. */
export const pathParameters: Readonly<Record<string, PathParameter>> = {
  slug: {
    description: "The tenant's identifier",
    example: 'payments',
    form: /^[a-z][a-z0-9-]{1,38}[a-z0-9]$/,
  },
  orderId: {
    description: 'The order id of a registration',
    example: 'ord_7Gq0m2vX9sJ4tB1nZc8kLwYpR5eUaHdF',
    form: id('ord'),
  },
  clientId: {
    description: "The client's id",
    example: 'payments-portal',
    form: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  },
  template: { description: "The mail template's name", example: 'welcome', form: /^[a-z-]{1,64}$/ },
  language: { description: 'The language of the text', example: 'en', form: /^[A-Za-z-]{2,35}$/ },
  kid: { description: "The key's id", example: 'key-1', form: /^[A-Za-z0-9_-]{1,64}$/ },
  reconciliationId: {
    description: "The report's id",
    example: 'rec_QxLf2q8jTkmJ0o5lXr3xBg',
    form: id('rec'),
  },
  indicator: {
    description: "The resource's indicator, percent-encoded",
    example: 'https%3A%2F%2Forders.example',
    form: /^[\x21-\x7e]{1,1024}$/,
  },
  keyId: { description: "The API key's id", example: 'tnk_9f86d081884c7d65', form: id('tnk') },
  sourceId: {
    description: "The sign-in source's id",
    example: 'src_QxLf2q8jTkmJ0o5lXr3xBg',
    form: id('src'),
  },
  tokenId: {
    description: "The initial access token's id",
    example: 'iat_QxLf2q8jTkmJ0o5lXr3xBg',
    form: id('iat'),
  },
  webhookId: { description: "The webhook's id", example: 'whk_QxLf2q8jTkmJ0o5lXr3xBg', form: id('whk') },
  applicationTenantId: {
    description: "The application tenant's id or slug",
    example: 'default',
    form: /^[A-Za-z0-9_-]{1,68}$/,
  },
  domain: { description: 'The domain', example: 'example.com', form: /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/ },
  userId: { description: "The user's id", example: 'acc_QxLf2q8jTkmJ0o5lXr3xBg', form: id('acc') },
  groupId: { description: "The group's id", example: 'grp_members', form: id('grp') },
  role: {
    description: "The role's name",
    example: 'Member',
    form: /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/,
  },
  invitationId: {
    description: "The invitation's id",
    example: 'inv_QxLf2q8jTkmJ0o5lXr3xBg',
    form: id('inv'),
  },
  importId: { description: "The import's id", example: 'imp_QxLf2q8jTkmJ0o5lXr3xBg', form: id('imp') },
  // Of users and groups, and names and URNs of what SCIM says of itself.
  id: {
    description: "The resource's id",
    example: 'acc_QxLf2q8jTkmJ0o5lXr3xBg',
    form: /^[A-Za-z][A-Za-z0-9_.:-]{0,127}$/,
  },
  deliveryId: { description: "The message's id", example: 'msg_QxLf2q8jTkmJ0o5lXr3xBg', form: id('msg') },
};

/** `AppError('not_found')` when one of them has a form in which there is nothing: no store is asked about it. */
export function assertWellFormed(parameters: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(parameters)) {
    if (pathParameters[name]?.form.test(value) !== true) {
      throw new AppError('not_found', 'There is nothing at this address.');
    }
  }
}
