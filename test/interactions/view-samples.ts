import type { ViewName, Views } from '../../src/web/views.ts';

const clientName = 'Fleet Planner';
const email = 'ada.lovelace@northwind.example';
const rules = [
  'at least 12 characters',
  'an upper-case letter',
  'a number',
  'a special character such as ! ? # or a space',
];
const nav = [
  { label: 'Profile', url: '/northwind/account', isCurrent: true },
  { label: 'Sessions', url: '/northwind/account/sessions', isCurrent: false },
];
const signIn = {
  asks: 'both',
  clientName,
  action: '/northwind/interaction/1/sign-in',
  cancelAction: '/northwind/interaction/1/cancel',
  csrf: 'token-1',
  cancelCsrf: 'token-2',
  email: '',
  offers: {},
  autofill: true,
} as const;
const ownSource = {
  areSourcesOwn: true,
  sources: [{ name: 'Northwind Staff', url: '/northwind/interaction/1/federation?source=src_1' }],
};
const otherAddressUrl = '/northwind/interaction/1/address';
const cancelled = { cancelAction: '/northwind/interaction/1/cancel', cancelCsrf: 'token-2' };
const cancel = { action: '/northwind/interaction/1/cancel', csrf: 'token-2' };
const rename = { action: '/northwind/account/rename-passkey', csrf: 'token-7' };
const removePasskey = { action: '/northwind/account/remove-passkey', csrf: 'token-8' };
const passkey = {
  action: '/northwind/interaction/1/passkey',
  csrf: 'token-4',
  options: '{"challenge":"AAAA"}',
};
const totp = {
  action: '/northwind/interaction/1/enrol-totp',
  csrf: 'token-5',
  secret: 'ABCD EFGH',
  qr: { size: 3, path: 'M0 0h1v1h-1z' },
};
const newPassword = {
  title: 'Welcome',
  lead: 'You are invited to Northwind Logistics. Choose a password to begin.',
  action: '/northwind/invitation/1',
  csrf: 'token-1',
  email,
  rules,
  problems: [],
  askPresent: false,
  submit: 'Save password',
};

const linkAccount = {
  email,
  sourceName: 'Northwind Staff',
  backUrl: '/northwind/interaction/1',
};

/** Every view in each of its states. */
export const viewSamples: { [Name in ViewName]: readonly Views[Name][] } = {
  home: [{ platformDiscovery: 'https://id.example/platform/.well-known/openid-configuration' }],
  'api-docs': [
    {
      version: '1.0.0',
      documentPath: '/api/openapi.json',
      groups: [
        {
          id: 'group-clients',
          name: 'Clients',
          description: 'The OAuth clients of a tenant.',
          operations: [
            {
              id: 'createClient',
              method: 'POST',
              path: '/api/tenants/{slug}/clients',
              summary: 'Create a client',
              needs: 'Needs the scope clients:write.',
              parameters: [
                { name: 'slug', place: 'path', type: 'string', required: true, note: 'The identifier' },
              ],
              body: {
                type: 'object',
                members: [{ name: 'name', type: 'string', required: true, note: 'At most 100 characters' }],
              },
              answers: [
                {
                  status: '201',
                  description: 'Created',
                  mediaType: 'application/json',
                  headers: ['ETag'],
                  type: 'Client',
                  component: 'Client',
                  members: [],
                },
              ],
              refusals: [{ status: '401', description: 'No token' }],
              example: 'curl -X POST https://id.example/api/tenants/northwind/clients',
            },
          ],
        },
      ],
      schemas: [
        {
          name: 'Client',
          type: 'object',
          members: [{ name: 'clientId', type: 'string', required: true, note: '' }],
        },
      ],
    },
  ],
  'not-found': [{}],
  'sign-in': [
    signIn,
    { ...signIn, offers: { passkey } },
    {
      ...signIn,
      asks: 'nothing',
      offers: {
        sources: [{ name: 'Northwind Staff', url: '/northwind/interaction/1/federation?source=src_1' }],
      },
    },
    {
      ...signIn,
      offers: {
        sources: [{ name: 'Northwind Staff', url: '/northwind/interaction/1/federation?source=src_1' }],
        signUpUrl: '/northwind/sign-up',
        forgottenPasswordUrl: '/northwind/forgotten-password',
      },
    },
    { ...signIn, email, error: 'The e-mail address or the password is not right.' },
    { ...signIn, notice: 'The application asks you to sign in with another account.' },
    { ...signIn, asks: 'address', offers: { passkey } },
    { ...signIn, asks: 'password', email, offers: { passkey }, otherAddressUrl, error: 'Not right.' },
    {
      ...signIn,
      asks: 'nothing',
      email,
      offers: ownSource,
      otherAddressUrl,
      passwordUrl: '/northwind/interaction/1/password',
    },
    { ...signIn, asks: 'password', email, offers: ownSource, otherAddressUrl },
  ],
  'device-code': [
    { action: '/northwind/device', csrf: 'token-1', userCode: '' },
    {
      action: '/northwind/device',
      csrf: 'token-1',
      userCode: 'BCDF-GHJK',
      error: 'There is no such code, or its time is over. Look at the device again.',
    },
  ],
  'device-confirm': [{ clientName, action: '/northwind/device', csrf: 'token-1', userCode: 'BCDF-GHJK' }],
  'device-done': [{ clientName }],
  'second-factor': [
    { email, ...cancelled, totp: { action: '/northwind/interaction/1/totp', csrf: 'token-1' } },
    {
      email,
      ...cancelled,
      totp: { action: '/northwind/interaction/1/totp', csrf: 'token-1' },
      passkey,
      recovery: { action: '/northwind/interaction/1/recovery-code', csrf: 'token-3' },
      error: 'The code is not right.',
    },
    { email, ...cancelled, passkey },
  ],
  'enrol-factor': [
    { lead: 'Signing in asks for something that only you have.', cancel, totp, passkey },
    { lead: 'Signing in asks for something that only you have.', cancel, passkey, error: 'No.' },
    { lead: 'Besides the password.', totp, backUrl: '/northwind/account/factors' },
  ],
  factors: [
    { addAppUrl: '/northwind/account/factors-app', passkeys: [], rename, removePasskey, addPasskey: passkey },
    {
      app: {
        since: '1 Jan 2026, 00:00 UTC',
        replaceUrl: '/northwind/account/factors/new-app',
        remove: { action: '/northwind/account/remove-app', csrf: 'token-6' },
      },
      passkeys: [
        {
          id: 'p1',
          name: 'Phone',
          synced: true,
          addedAt: '1 Jan 2026, 00:00 UTC',
          usedAt: '2 Jan 2026, 00:00 UTC',
        },
        { id: 'p2', name: 'Key', synced: false, addedAt: '1 Jan 2026, 00:00 UTC' },
      ],
      rename,
      removePasskey,
      codes: { left: 9, action: '/northwind/account/factors/new-codes', csrf: 'token-9' },
      nav: [{ label: 'Factors', url: '/northwind/account/factors', isCurrent: true }],
      error: 'A second step is required here.',
    },
  ],
  'recovery-codes': [
    {
      codes: ['0000-1111-2222-3333', '4444-5555-6666-7777'],
      action: '/northwind/interaction/1/recovery-codes',
      csrf: 'token-1',
      setId: 'set-1',
    },
  ],
  'link-account': [
    linkAccount,
    {
      ...linkAccount,
      password: { action: '/northwind/interaction/1/link-account', csrf: 'token-1' },
      passkey: {
        action: '/northwind/interaction/1/link-passkey',
        csrf: 'token-2',
        options: '{"challenge":"a"}',
      },
      mail: { action: '/northwind/interaction/1/link-mail', csrf: 'token-3' },
      error: 'The e-mail address or the password is not right.',
    },
    { ...linkAccount, notice: 'Look into your mailbox.' },
  ],
  consent: [
    {
      clientName,
      email,
      action: '/northwind/interaction/1/consent',
      cancelAction: '/northwind/interaction/1/cancel',
      csrf: 'token-1',
      cancelCsrf: 'token-2',
      groups: [
        {
          heading: 'Your account',
          items: ['Know that it is you, each time you sign in', 'See your name', 'See your e-mail address'],
        },
        {
          heading: 'Fleet API',
          items: ['Use its permission “routes:read”', 'Use its permission “routes:write”'],
        },
      ],
      returnsTo: 'fleet.northwind.example',
    },
  ],
  'new-password': [
    newPassword,
    { ...newPassword, problems: ['The password needs a number.', 'The password needs a special character.'] },
    {
      ...newPassword,
      title: 'Choose a new password',
      lead: 'Passwords here are valid for 90 days, and yours is older. Please set a new one to go on.',
      problems: ['The two new passwords are not the same.'],
      askPresent: true,
      askOthers: true,
      nav,
      submit: 'Save and go on',
    },
  ],
  'address-form': [
    {
      title: 'Create an account',
      lead: 'Enter your e-mail address.',
      action: '/northwind/sign-up?interaction=1',
      csrf: 'token-1',
      email: '',
      submit: 'Send the link',
      backUrl: '/northwind/interaction/1',
    },
    {
      title: 'Forgotten your password?',
      lead: 'Enter the e-mail address of your account.',
      action: '/northwind/forgotten-password',
      csrf: 'token-1',
      email,
      submit: 'Send the link',
      error: 'Too many attempts.',
    },
  ],
  'finish-sign-up': [
    {
      title: 'Finish your account',
      lead: 'Your address is confirmed.',
      action: '/northwind/verify-email/1',
      csrf: 'token-1',
      email,
      name: '',
      rules,
      problems: ['The password needs a number.', 'Please enter a name.'],
      submit: 'Create the account',
    },
  ],
  confirm: [
    {
      title: 'Confirm your new address',
      lead: 'ada@northwind.example becomes the address of your account.',
      action: '/northwind/confirm-email/1',
      csrf: 'token-1',
      submit: 'Use this address',
    },
  ],
  'account-profile': [
    {
      nav,
      name: 'Ada Lovelace',
      action: '/northwind/account/save',
      csrf: 'token-1',
      signOutUrl: '/northwind/session/end',
    },
    {
      nav,
      name: '',
      notice: 'Your name is saved.',
      error: 'Please enter a name.',
      action: '/northwind/account/save',
      csrf: 'token-1',
      signOutUrl: '/northwind/session/end',
    },
  ],
  'account-email': [
    { nav, present: email, email: '', action: '/northwind/account/email/change', csrf: 'token-1' },
    {
      nav,
      present: email,
      verify: { action: '/northwind/account/email/verify', csrf: 'token-2' },
      email: '',
      action: '/northwind/account/email/change',
      csrf: 'token-1',
    },
    {
      nav,
      present: email,
      email: 'x',
      error: 'No address.',
      action: '/northwind/account/email/change',
      csrf: 'token-1',
    },
  ],
  'account-sessions': [
    {
      nav,
      sessions: [
        {
          uid: '1',
          device: 'Firefox, Linux',
          isThis: true,
          since: 'Signed in today',
          active: 'Last active today',
        },
        {
          uid: '2',
          device: 'Safari, iPhone',
          isThis: false,
          since: 'Signed in then',
          active: 'Last active then',
        },
      ],
      endAction: '/northwind/account/sessions/end',
      endCsrf: 'token-1',
      endOthersAction: '/northwind/account/sessions/end-others',
      endOthersCsrf: 'token-2',
    },
  ],
  'account-applications': [
    { nav, applications: [], action: '/northwind/account/applications/revoke', csrf: 'token-1' },
    {
      nav,
      applications: [{ id: '1', name: clientName, since: 'Jan 1, 2026', items: ['See your name'] }],
      action: '/northwind/account/applications/revoke',
      csrf: 'token-1',
    },
  ],
  'account-linked': [
    { nav, links: [], offers: [], action: '/northwind/account/linked/unlink', csrf: 'token-1' },
    {
      nav,
      links: [{ id: '1', name: 'Northwind Staff', label: email, since: 'Linked since Jan 1, 2026' }],
      offers: [{ name: 'Partner "<b>" Login', url: '/northwind/account/linked/add?source=src_1&token=t' }],
      action: '/northwind/account/linked/unlink',
      csrf: 'token-1',
      error: 'This is the only way into your account.',
    },
  ],
  'account-data': [
    {
      nav,
      downloadAction: '/northwind/account/data/download',
      downloadCsrf: 'token-1',
      deleteAction: '/northwind/account/data/delete',
      deleteCsrf: 'token-2',
      error: 'This is not the e-mail address of this account.',
    },
  ],
  'invitation-done': [
    {
      email,
      issuer: 'https://id.example/northwind',
      discovery: 'https://id.example/northwind/.well-known/openid-configuration',
      accountUrl: '/northwind/account',
      client: {
        id: 'EaUh2q8jTkmJ0o5lXr3xBg',
        name: clientName,
        secret: '3vJqk1bQZ0m7m3cB0mHq1n8x2s9dK4fT6wYpL5eRzUA',
      },
      commands: { signIn: 'npx tenantry --server https://id.example login --tenant northwind' },
    },
    {
      email,
      issuer: 'https://id.example/northwind',
      discovery: 'https://id.example/northwind/.well-known/openid-configuration',
      accountUrl: '/northwind/account',
      client: { id: 'EaUh2q8jTkmJ0o5lXr3xBg', name: clientName },
      commands: { signIn: 'npx tenantry --server https://id.example login --tenant northwind' },
    },
    {
      email,
      issuer: 'https://id.example/northwind',
      discovery: 'https://id.example/northwind/.well-known/openid-configuration',
      accountUrl: '/northwind/account',
      commands: {
        signIn: 'npx tenantry --server https://id.example login --tenant northwind',
        newSecret:
          'npx tenantry --server https://id.example clients rotate-secret northwind-web --tenant northwind',
      },
    },
    {
      email,
      issuer: 'https://id.example/northwind',
      discovery: 'https://id.example/northwind/.well-known/openid-configuration',
      accountUrl: '/northwind/account',
    },
  ],
  'sign-out': [
    { clientName, action: '/northwind/session/end/confirm', csrf: 'token-1' },
    { action: '/northwind/session/end/confirm', csrf: 'token-1' },
  ],
  'signed-out': [{ clientName }, {}],
  'verify-address': [
    {
      clientName,
      email,
      send: { action: '/northwind/interaction/1/send-verification', csrf: 'token-1' },
      goOn: { action: '/northwind/interaction/1/go-on', csrf: 'token-2' },
      error: 'Too many attempts.',
    },
    {
      clientName,
      email,
      notice: 'A mail is on its way to your address. Follow the link in it.',
      goOn: { action: '/northwind/interaction/1/go-on', csrf: 'token-2' },
    },
  ],
  'hand-over': [
    { url: '/northwind/interaction/1/federation?source=src_1' },
    {
      action: 'https://ledger.example/callback?a=1&b="><script>alert(1)</script>',
      fields: [
        { name: 'code', value: 'c0de' },
        { name: 'state', value: '"><script>alert(1)</script>' },
      ],
    },
  ],
  message: [
    {
      title: 'Signing in did not work',
      text: 'Northwind Staff does not answer at the moment. Please try again in a few minutes.',
      goOn: { url: '/northwind/interaction/1', label: 'Back to signing in' },
    },
    {
      title: 'Signing in did not work',
      text: 'Northwind Staff let you in without asking you to sign in again.',
      goOn: { url: '/northwind/interaction/1/federation', label: 'Sign in with Northwind Staff again' },
      back: { url: '/northwind/interaction/1', label: 'Back to signing in' },
    },
    {
      title: 'This page has expired',
      text: 'Please go back to the application that you came from, and start again.',
    },
    {
      title: 'This request does not work',
      text: 'The application that sent you here asked for something that cannot be done. Its developers find the reason below.',
      details: [
        { term: 'Error', text: 'invalid_redirect_uri' },
        {
          term: 'Description',
          text: "redirect_uri did not match any of the client's registered redirect_uris",
        },
        { term: 'Reference', text: 'Yk3vO1d8f0mZ2QpR7sTuVw' },
      ],
    },
    {
      title: 'Your account is ready',
      text: 'You can now sign in.',
      goOn: { url: '/northwind/interaction/1', label: 'Go on to sign in' },
    },
    { title: 'Too many requests', text: 'Try again in 20 seconds.' },
  ],
};
