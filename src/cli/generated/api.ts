// Made from the API’s document by scripts/generate-api-client.ts. Changes belong into the route table.

export type Index = { endpoints: { method: string; path: string; summary: string }[] };

export type OpenApiDocument = { openapi: string };

export type SubmittedRegistration = {
  /** an order id */
  orderId: string;
  status: 'Submitted' | 'In-Process' | 'Approved' | 'Disapproved';
  statusUrl: string;
  slug: string;
};

export type RegistrationForTeam = {
  /** an order id */
  orderId: string;
  status: 'Submitted' | 'In-Process' | 'Approved' | 'Disapproved';
  source: 'registration' | 'operator' | 'bootstrap';
  slug: string;
  name: string;
  requester: { name: string; email: string };
  /** Who sent it, proved by an access token; absent: nobody proved who they are */
  submittedBy?: string;
  purpose?: string;
  features?: {
    auth?: ('password' | '2fa' | 'passkey')[];
    storage?: ('s3' | 'postgresql' | 'redis')[];
    email?: 'templates'[];
    hosting?: 'ecs'[];
  };
  securityPolicy?: {
    passwordPolicy?: {
      minLength?: number;
      requireUppercase?: boolean;
      requireNumbers?: boolean;
      requireSpecialChars?: boolean;
      preventPasswordReuse?: number;
      /** 0: never expires */
      expiryDays?: number;
    };
    /** Seconds */
    sessionTimeout?: number;
    /** Seconds from the sign-in after which a session ends whatever the activity; by default 12 hours, or sessionTimeout when that is longer */
    absoluteSessionTimeout?: number;
    maxConcurrentSessions?: number;
    extendOnActivity?: boolean;
    requireMFA?: boolean;
    twoFactor?: 'off' | 'required';
    /** IP addresses and CIDR ranges; empty: everywhere */
    ipRestrictions?: string[];
    /** IP addresses and CIDR ranges that are refused, even when they are allowed */
    ipDenyList?: string[];
  };
  redirectUris: string[];
  clientType: 'web' | 'spa' | 'native';
  /** Why an operator must look at it */
  attention: string | null;
  tenantId: string | null;
  submittedAt: string;
  updatedAt: string;
};

export type RegistrationPage = {
  registrations: RegistrationForTeam[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type HistoryEntry = { at: string; what: string; by: string; why?: string };

export type ProvisioningStep = {
  name: string;
  status: 'pending' | 'intended' | 'done' | 'undoing' | 'undone' | 'undo-failed';
  attempts: number;
  error?: string;
  startedAt?: string;
  finishedAt?: string;
};

export type Provisioning = {
  state:
    | 'queued'
    | 'running'
    | 'awaiting-validation'
    | 'awaiting-compliance'
    | 'active'
    | 'failed'
    | 'rolled-back'
    | 'blocked'
    | 'deprovisioning'
    | 'deprovisioned';
  /** Absent while the run waits in the queue */
  runId?: string;
  steps: ProvisioningStep[];
  failedStep?: string;
  error?: string;
};

export type Registration = {
  /** an order id */
  orderId: string;
  status: 'Submitted' | 'In-Process' | 'Approved' | 'Disapproved';
  slug: string;
  name: string;
  submittedAt: string;
  updatedAt: string;
  history: HistoryEntry[];
  provisioning?: Provisioning;
  issuer?: string;
  firstClientId?: string;
  /** Where the tenant's own services answer */
  url?: string;
};

export type CreatedTenant = {
  id: string;
  name: string;
  slug: string;
  status: 'provisioning' | 'active' | 'suspended' | 'blocked' | 'deleting' | 'failed' | 'deleted';
  onboardingStatus:
    | 'queued'
    | 'running'
    | 'awaiting-validation'
    | 'awaiting-compliance'
    | 'active'
    | 'failed'
    | 'rolled-back'
    | 'blocked'
    | 'deprovisioning'
    | 'deprovisioned';
};

export type Note = { at: string; by: string; reason: string };

export type Tenant = {
  id: string;
  name: string;
  slug: string;
  status: 'provisioning' | 'active' | 'suspended' | 'blocked' | 'deleting' | 'failed' | 'deleted';
  onboardingStatus:
    | 'queued'
    | 'running'
    | 'awaiting-validation'
    | 'awaiting-compliance'
    | 'active'
    | 'failed'
    | 'rolled-back'
    | 'blocked'
    | 'deprovisioning'
    | 'deprovisioned';
  suspension?: Note;
  blocking?: Note;
  deletion?: { at: string; by: string; reason: string; dueAt?: string };
  /** What was decided last is not in force yet; it will be by itself */
  pending?: true;
  kind: 'platform' | 'tenant';
  createdBy: string;
  issuer?: string;
  createdAt: string;
  updatedAt: string;
};

export type TenantPage = {
  tenants: Tenant[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type TenantInFull = {
  id: string;
  name: string;
  slug: string;
  status: 'provisioning' | 'active' | 'suspended' | 'blocked' | 'deleting' | 'failed' | 'deleted';
  onboardingStatus:
    | 'queued'
    | 'running'
    | 'awaiting-validation'
    | 'awaiting-compliance'
    | 'active'
    | 'failed'
    | 'rolled-back'
    | 'blocked'
    | 'deprovisioning'
    | 'deprovisioned';
  suspension?: Note;
  blocking?: Note;
  deletion?: { at: string; by: string; reason: string; dueAt?: string };
  /** What was decided last is not in force yet; it will be by itself */
  pending?: true;
  kind: 'platform' | 'tenant';
  createdBy: string;
  issuer?: string;
  createdAt: string;
  updatedAt: string;
  requested: {
    features?: {
      auth?: ('password' | '2fa' | 'passkey')[];
      storage?: ('s3' | 'postgresql' | 'redis')[];
      email?: 'templates'[];
      hosting?: 'ecs'[];
    };
    securityPolicy?: {
      passwordPolicy?: {
        minLength?: number;
        requireUppercase?: boolean;
        requireNumbers?: boolean;
        requireSpecialChars?: boolean;
        preventPasswordReuse?: number;
        /** 0: never expires */
        expiryDays?: number;
      };
      /** Seconds */
      sessionTimeout?: number;
      /** Seconds from the sign-in after which a session ends whatever the activity; by default 12 hours, or sessionTimeout when that is longer */
      absoluteSessionTimeout?: number;
      maxConcurrentSessions?: number;
      extendOnActivity?: boolean;
      requireMFA?: boolean;
      twoFactor?: 'off' | 'required';
      /** IP addresses and CIDR ranges; empty: everywhere */
      ipRestrictions?: string[];
      /** IP addresses and CIDR ranges that are refused, even when they are allowed */
      ipDenyList?: string[];
    };
    keyMode?: 'local' | 'kms' | 'kms-envelope';
  };
  registration: { orderId?: string; status?: string; history: HistoryEntry[] };
  provisioning?: {
    state:
      | 'queued'
      | 'running'
      | 'awaiting-validation'
      | 'awaiting-compliance'
      | 'active'
      | 'failed'
      | 'rolled-back'
      | 'blocked'
      | 'deprovisioning'
      | 'deprovisioned';
    /** Absent while the run waits in the queue */
    runId?: string;
    steps: ProvisioningStep[];
    failedStep?: string;
    error?: string;
    status: string;
    firstClientId?: string;
    /** Where the tenant's own services answer */
    url?: string;
  };
};

export type GovernedTenant = {
  id: string;
  name: string;
  slug: string;
  status: 'provisioning' | 'active' | 'suspended' | 'blocked' | 'deleting' | 'failed' | 'deleted';
  onboardingStatus:
    | 'queued'
    | 'running'
    | 'awaiting-validation'
    | 'awaiting-compliance'
    | 'active'
    | 'failed'
    | 'rolled-back'
    | 'blocked'
    | 'deprovisioning'
    | 'deprovisioned';
  suspension?: Note;
  blocking?: Note;
  deletion?: { at: string; by: string; reason: string; dueAt?: string };
  /** What was decided last is not in force yet; it will be by itself */
  pending?: true;
};

export type DeletedTenant = {
  id: string;
  name: string;
  slug: string;
  status: 'provisioning' | 'active' | 'suspended' | 'blocked' | 'deleting' | 'failed' | 'deleted';
  onboardingStatus:
    | 'queued'
    | 'running'
    | 'awaiting-validation'
    | 'awaiting-compliance'
    | 'active'
    | 'failed'
    | 'rolled-back'
    | 'blocked'
    | 'deprovisioning'
    | 'deprovisioned';
  suspension?: Note;
  blocking?: Note;
  deletion?: { at: string; by: string; reason: string; dueAt?: string };
  /** What was decided last is not in force yet; it will be by itself */
  pending?: true;
  exportUrl: string;
  restoreUrl: string;
};

export type ExportLine = {
  type:
    | 'tenant'
    | 'security-policy'
    | 'role'
    | 'group'
    | 'application-tenant'
    | 'resource'
    | 'client'
    | 'account'
    | 'end';
};

export type Finding = { name: string; passed: boolean; detail: string };

export type Decision = {
  gate: string;
  decision: 'approve' | 'reject' | 'pass' | 'fail';
  by: string;
  email?: string;
  /** The comment, or the findings */
  words?: string;
  checks: Finding[];
  runId?: string;
  at: string;
};

export type Decisions = { decisions: Decision[]; waits?: { gate: string; since: string; checks: unknown[] } };

export type ClientWithSecret = {
  /** Shown to users at sign-in and consent */
  name: string;
  type: 'web' | 'spa' | 'native' | 'device' | 'm2m';
  /** A disabled client is refused like an unknown one */
  enabled: boolean;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  scopes: string[];
  /** By default client_secret_basic for web and m2m; none for the others, always */
  tokenEndpointAuthMethod?: 'client_secret_basic' | 'private_key_jwt' | 'none';
  /** Public keys for private_key_jwt (RFC 7523) */
  jwks?: { keys: Record<string, unknown>[] };
  /** Where those keys are, instead of jwks */
  jwksUri?: string;
  /** For private_key_jwt: the only algorithm that counts; by default each that the tenant takes */
  tokenEndpointAuthSigningAlg?: 'ES256' | 'PS256' | 'RS256' | 'EdDSA' | 'Ed25519';
  /** An algorithm that the tenant has a key of; by default that of its first key */
  idTokenSignedResponseAlg?: 'ES256' | 'RS256' | 'PS256';
  /** Userinfo as a JWT, signed so; by default plain JSON */
  userinfoSignedResponseAlg?: 'ES256' | 'RS256' | 'PS256';
  /** pairwise: what people are called here is not what they are called elsewhere; default public */
  subjectType?: 'public' | 'pairwise';
  /** For pairwise: where the redirect URIs of all clients are that know people by one name */
  sectorIdentifierUri?: string;
  /** Seconds since the last sign-in */
  defaultMaxAge?: number;
  requireAuthTime?: boolean;
  defaultAcrValues?: string[];
  /** Where the application begins a sign-in */
  initiateLoginUri?: string;
  /** Told when a session ends */
  backchannelLogoutUri?: string;
  backchannelLogoutSessionRequired?: boolean;
  /** Tokens with DPoP only (RFC 9449) */
  dpopBoundAccessTokens?: boolean;
  /** RFC 9126 */
  requirePushedAuthorizationRequests?: boolean;
  /** Home page */
  clientUri?: string;
  /** Logo */
  logoUri?: string;
  /** Terms of service */
  tosUri?: string;
  /** Privacy policy */
  policyUri?: string;
  contacts?: string[];
  /** For native clients: the device flow (RFC 8628) besides the browser */
  deviceFlow?: boolean;
  /** the id of an application tenant: only its users sign in to the client (E2) */
  applicationTenantId?: string;
  /** A second factor, whatever the policy says */
  requireMfa?: boolean;
  /** Which of its scopes the client may ask for at which API; absent: all of them at every API that has them */
  resourceScopes?: {
    /** Indicator of an API */
    resource: string;
    scopes: string[];
  }[];
  clientId: string;
  /** It registered itself (RFC 7591) */
  registered?: true;
  formerSecretUntil?: string;
  createdAt: string;
  updatedAt: string;
  issuer: string;
  /** Of a confidential client; shown this once */
  clientSecret?: string;
};

export type Client = {
  /** Shown to users at sign-in and consent */
  name: string;
  type: 'web' | 'spa' | 'native' | 'device' | 'm2m';
  /** A disabled client is refused like an unknown one */
  enabled: boolean;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  scopes: string[];
  /** By default client_secret_basic for web and m2m; none for the others, always */
  tokenEndpointAuthMethod?: 'client_secret_basic' | 'private_key_jwt' | 'none';
  /** Public keys for private_key_jwt (RFC 7523) */
  jwks?: { keys: Record<string, unknown>[] };
  /** Where those keys are, instead of jwks */
  jwksUri?: string;
  /** For private_key_jwt: the only algorithm that counts; by default each that the tenant takes */
  tokenEndpointAuthSigningAlg?: 'ES256' | 'PS256' | 'RS256' | 'EdDSA' | 'Ed25519';
  /** An algorithm that the tenant has a key of; by default that of its first key */
  idTokenSignedResponseAlg?: 'ES256' | 'RS256' | 'PS256';
  /** Userinfo as a JWT, signed so; by default plain JSON */
  userinfoSignedResponseAlg?: 'ES256' | 'RS256' | 'PS256';
  /** pairwise: what people are called here is not what they are called elsewhere; default public */
  subjectType?: 'public' | 'pairwise';
  /** For pairwise: where the redirect URIs of all clients are that know people by one name */
  sectorIdentifierUri?: string;
  /** Seconds since the last sign-in */
  defaultMaxAge?: number;
  requireAuthTime?: boolean;
  defaultAcrValues?: string[];
  /** Where the application begins a sign-in */
  initiateLoginUri?: string;
  /** Told when a session ends */
  backchannelLogoutUri?: string;
  backchannelLogoutSessionRequired?: boolean;
  /** Tokens with DPoP only (RFC 9449) */
  dpopBoundAccessTokens?: boolean;
  /** RFC 9126 */
  requirePushedAuthorizationRequests?: boolean;
  /** Home page */
  clientUri?: string;
  /** Logo */
  logoUri?: string;
  /** Terms of service */
  tosUri?: string;
  /** Privacy policy */
  policyUri?: string;
  contacts?: string[];
  /** For native clients: the device flow (RFC 8628) besides the browser */
  deviceFlow?: boolean;
  /** the id of an application tenant: only its users sign in to the client (E2) */
  applicationTenantId?: string;
  /** A second factor, whatever the policy says */
  requireMfa?: boolean;
  /** Which of its scopes the client may ask for at which API; absent: all of them at every API that has them */
  resourceScopes?: {
    /** Indicator of an API */
    resource: string;
    scopes: string[];
  }[];
  clientId: string;
  /** It registered itself (RFC 7591) */
  registered?: true;
  formerSecretUntil?: string;
  createdAt: string;
  updatedAt: string;
  issuer: string;
};

export type ClientPage = {
  clients: Client[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type RemovedClient = { clientId: string; removed: true };

export type ClientRegistration = {
  /** Who registers needs an initial access token all the same */
  enabled: boolean;
  types: ('web' | 'spa' | 'native' | 'device' | 'm2m')[];
  /** API scopes that they may ask for; none of the admin API */
  scopes: string[];
  /** hosts, or private-use schemes, to which their redirect URIs may lead; with none of them: anywhere */
  redirectHosts: string[];
  registrationEndpoint: string;
};

export type CreatedInitialAccessToken = {
  id: string;
  name: string;
  usesLeft: number;
  createdAt: string;
  expiresAt: string;
  /** Shown this once */
  token?: string;
};

export type InitialAccessToken = {
  id: string;
  name: string;
  usesLeft: number;
  createdAt: string;
  expiresAt: string;
};

export type InitialAccessTokenPage = {
  initialAccessTokens: InitialAccessToken[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type Removed = { id: string; removed: true };

export type ApiResource = {
  /** Absolute URI that clients ask for and tokens carry as audience */
  indicator: string;
  name: string;
  scopes: string[];
  accessTokenFormat: 'jwt' | 'opaque';
  accessTokenTtlSeconds: number;
  /** Of JWT access tokens, one that the tenant has a key of; by default that of the client’s ID tokens */
  signingAlgorithm?: 'ES256' | 'RS256' | 'PS256';
  /** Confidential clients of the API itself, which may introspect tokens that are meant for it */
  introspectionClientIds?: string[];
  /** People get only those of its scopes that their roles give; default false */
  scopesByRole?: boolean;
};

export type ApiResourcePage = {
  resources: ApiResource[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type RemovedApiResource = { indicator: string; removed: true };

export type SignInSource = {
  /** Cannot be changed later */
  kind: 'openid' | 'ldap';
  /** Shown on the sign-in page */
  name: string;
  /** Default true */
  enabled?: boolean;
  /** Application tenants whose people may use it; absent: all */
  applicationTenantIds?: string[];
  /** E-mail domains whose people the source is for, and the only ones for which it makes accounts; empty: any */
  domains?: string[];
  /** E-mail domains for which the source is believed: accounts with such an address are linked to it without a further proof. Each must be a verified domain of the application tenant */
  linkDomains?: string[];
  /** Whether newcomers get an account; default true */
  createAccounts?: boolean;
  /** Roles of accounts that it makes */
  defaultRoles?: string[];
  /** Roles that come with a group, and go with it; roles that are not named here stay as they are */
  roleMapping?: { group: string; roles: string[] }[];
  openid?: {
    /** Issuer URL; cannot be changed later */
    issuer: string;
    clientId: string;
    /** Default: client_secret_basic */
    clientAuthentication?: 'client_secret_basic' | 'client_secret_post' | 'none';
    /** Default: openid, email, profile */
    scopes?: string[];
    /** Read claims from the userinfo endpoint, too; default false */
    readUserinfo?: boolean;
    /** Default: email, email_verified, name, groups */
    claims?: {
      /** Name of a claim */
      email?: string;
      /** Name of a claim */
      emailVerified?: string;
      /** Name of a claim */
      name?: string;
      /** Name of a claim */
      groups?: string;
    };
    /** Whether a second factor that the provider tells of (amr: mfa) counts here; default false */
    trustMfa?: boolean;
    /** What shows that somebody has signed in there just now: auth_time, or for a provider that does not tell it, that they come back after it had to ask them. Default: auth_time; for Google arrival */
    freshSignIn?: 'auth_time' | 'arrival';
    /** certificates in PEM form; they take the place of the system’s authorities */
    certificateAuthority?: string;
  };
  ldap?: {
    /** an LDAP URL without a path, such as ldaps://ldap.example.com */
    url: string;
    /** For ldap: URLs; default true */
    startTls?: boolean;
    /** certificates in PEM form; they take the place of the system’s authorities */
    certificateAuthority?: string;
    /** a distinguished name, or in Active Directory user@domain */
    readerDn?: string;
    /** Where people are */
    baseDn: string;
    /** the name of an attribute, such as mail */
    personClass?: string;
    /** Default: mail */
    loginAttributes?: string[];
    /** the name of an attribute, such as mail */
    idAttribute?: string;
    /** the name of an attribute, such as mail */
    emailAttribute?: string;
    /** the name of an attribute, such as mail */
    nameAttribute?: string;
    /** the name of an attribute, such as mail */
    groupsAttribute?: string;
    groupSearch?: {
      baseDn: string;
      /** the name of an attribute, such as mail */
      memberAttribute: string;
      /** the name of an attribute, such as mail */
      nameAttribute: string;
    };
    /** In Active Directory: userAccountControl and 2 */
    disabledFlag?: {
      /** the name of an attribute, such as mail */
      attribute: string;
      mask: number;
    };
  };
  id: string;
  hasSecret: boolean;
  /** What an OpenID provider has to know as redirect URI */
  callbackUrl?: string;
  createdAt: string;
  updatedAt: string;
};

export type SignInSourcePage = {
  signInSources: SignInSource[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type Branding = {
  /** 1 to 100 characters of one line */
  displayName?: string;
  language?: 'en' | 'de' | 'ar';
  colours?: {
    /** a colour such as #1f5a55 */
    accent: string;
    /** a colour such as #1f5a55 */
    accentDark?: string;
  };
  links?: { support?: string; privacy?: string; terms?: string };
  logo?: { url: string; type: string; bytes: number };
};

export type MailTemplateList = {
  templates: {
    template: string;
    variables: string[];
    languages: { language: 'en' | 'de' | 'ar'; isDefault: boolean }[];
  }[];
};

export type MailTemplate = {
  template: string;
  variables: string[];
  language: 'en' | 'de' | 'ar';
  isDefault: boolean;
  subject: string;
  text: string;
  html?: string;
};

export type MailPreview = { subject: string; text: string; html?: string };

export type ApplicationDomain = {
  domain: string;
  addedAt: string;
  verifiedAt?: string;
  proof?: {
    type: 'TXT';
    /** Where the DNS has to have the record */
    name: string;
    value: string;
  };
};

export type ApplicationTenant = {
  /** `default`, or `apt_…` */
  id: string;
  slug: string;
  name: string;
  status: 'active' | 'suspended' | 'removing';
  securityPolicy?: {
    passwordPolicy?: {
      minLength?: number;
      requireUppercase?: boolean;
      requireNumbers?: boolean;
      requireSpecialChars?: boolean;
      preventPasswordReuse?: number;
      /** 0: never expires */
      expiryDays?: number;
    };
    /** Seconds */
    sessionTimeout?: number;
    /** Seconds from the sign-in after which a session ends whatever the activity; by default 12 hours, or sessionTimeout when that is longer */
    absoluteSessionTimeout?: number;
    maxConcurrentSessions?: number;
    extendOnActivity?: boolean;
    requireMFA?: boolean;
    twoFactor?: 'off' | 'required';
    /** IP addresses and CIDR ranges; empty: everywhere */
    ipRestrictions?: string[];
    /** IP addresses and CIDR ranges that are refused, even when they are allowed */
    ipDenyList?: string[];
  };
  signInSources?: string[];
  signUp: 'open' | 'invitation' | 'domain';
  domains: ApplicationDomain[];
  createdAt?: string;
  updatedAt?: string;
};

export type ApplicationTenantPage = {
  applicationTenants: ApplicationTenant[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type User = {
  id: string;
  applicationTenantId: string;
  email: string;
  emailVerified: boolean;
  name: string;
  givenName?: string;
  familyName?: string;
  externalId?: string;
  roles: string[];
  disabled: boolean;
  passwordSetAt?: string;
  createdAt: string;
  updatedAt: string;
  /** Ids */
  groups: string[];
};

export type ListedUser = {
  id: string;
  applicationTenantId: string;
  email: string;
  emailVerified: boolean;
  name: string;
  givenName?: string;
  familyName?: string;
  externalId?: string;
  roles: string[];
  disabled: boolean;
  passwordSetAt?: string;
  createdAt: string;
  updatedAt: string;
};

export type UserPage = {
  users: ListedUser[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type EndedUserAccess = { id: string };

export type UserImport = {
  id: string;
  applicationTenantId: string;
  onExisting: 'skip' | 'update';
  state: 'uploading' | 'waiting' | 'running' | 'done' | 'failed';
  total: number;
  processed: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
  createdAt: string;
  finishedAt?: string;
};

export type ImportErrorPage = {
  errors: { line: number; field: string; message: string }[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type ExportedUser = {
  id: string;
  email: string;
  emailVerified: boolean;
  name: string;
  givenName?: string;
  familyName?: string;
  externalId?: string;
  roles: string[];
  /** Names */
  groups: string[];
  disabled: boolean;
  createdAt: string;
};

export type Invitation = {
  id: string;
  accountId: string;
  applicationTenantId: string;
  email: string;
  invitedBy: string;
  locale?: string;
  createdAt: string;
  sentAt: string;
  validUntil: string;
  state: 'pending' | 'accepted' | 'expired';
};

export type InvitationPage = {
  invitations: Invitation[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type Group = {
  id: string;
  applicationTenantId: string;
  name: string;
  description: string;
  roles: string[];
  externalId?: string;
  createdAt: string;
  updatedAt: string;
};

export type GroupPage = {
  groups: Group[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type GroupMemberPage = {
  members: { userId: string; email: string; name: string }[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type GroupMember = { groupId: string; userId: string };

export type RemovedGroupMember = { groupId: string; userId: string; removed: true };

export type Role = {
  name: string;
  description: string;
  scopes: string[];
  /** Cannot be changed or removed */
  builtIn: boolean;
};

export type RolePage = {
  roles: Role[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type RemovedRole = { name: string; removed: true };

/** RFC 7643 */
export type ScimResource = { schemas: string[] };

/** RFC 7644 §3.12 */
export type ScimError = { schemas: string[]; status: string; scimType?: string; detail: string };

export type SecurityPolicy = {
  passwordPolicy: {
    minLength?: number;
    requireUppercase?: boolean;
    requireNumbers?: boolean;
    requireSpecialChars?: boolean;
    preventPasswordReuse?: number;
    /** 0: never expires */
    expiryDays?: number;
  };
  /** Seconds */
  sessionTimeout: number;
  /** Seconds from the sign-in after which a session ends whatever the activity; by default 12 hours, or sessionTimeout when that is longer */
  absoluteSessionTimeout: number;
  maxConcurrentSessions: number;
  extendOnActivity: boolean;
  requireMFA: boolean;
  twoFactor: 'off' | 'required';
  /** IP addresses and CIDR ranges; empty: everywhere */
  ipRestrictions: string[];
  /** IP addresses and CIDR ranges that are refused, even when they are allowed */
  ipDenyList: string[];
};

export type Usage = {
  granularity: 'day' | 'month';
  from: string;
  to: string;
  usage: { period: string; requests: number; signIns: number; tokens: number; activeUsers: number }[];
};

export type Quotas = {
  users?: number;
  clients?: number;
  /** In each process that serves */
  requestsPerSecond?: number;
  /** Token requests, in each process */
  tokensPerSecond?: number;
};

export type CreatedApiKey = {
  /** The part of the key that is no secret */
  id: string;
  name: string;
  scopes: string[];
  /** The one application tenant that it reaches; absent: the whole tenant */
  applicationTenantId?: string;
  createdBy: string;
  createdAt: string;
  expiresAt: string;
  lastUsedAt?: string;
  /** The whole key; shown this once */
  secret?: string;
};

export type ApiKey = {
  /** The part of the key that is no secret */
  id: string;
  name: string;
  scopes: string[];
  /** The one application tenant that it reaches; absent: the whole tenant */
  applicationTenantId?: string;
  createdBy: string;
  createdAt: string;
  expiresAt: string;
  lastUsedAt?: string;
};

export type ApiKeyPage = {
  apiKeys: ApiKey[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type Actor = {
  kind: 'operator' | 'tenant-admin' | 'client' | 'api-key' | 'requester' | 'system';
  /** Account id, client id, or the name of a part of the server */
  id: string;
  /** Of a person */
  email?: string;
};

export type SigningKey = {
  kid: string;
  alg: 'ES256' | 'RS256' | 'PS256';
  state: 'pending' | 'active' | 'retiring' | 'retired' | 'destroyed';
  createdAt: string;
  publishedAt?: string;
  activatedAt?: string;
  retiringAt?: string;
  retiredAt?: string;
  destroyedAt?: string;
  revocation?: { at: string; by: Actor; reason: string };
  next?: { state: 'pending' | 'active' | 'retiring' | 'retired' | 'destroyed'; at: string };
};

export type CookieKey = {
  id: string;
  state: 'pending' | 'active' | 'retiring' | 'retired' | 'destroyed';
  createdAt: string;
  publishedAt?: string;
  activatedAt?: string;
  retiringAt?: string;
  retiredAt?: string;
  destroyedAt?: string;
  revocation?: { at: string; by: Actor; reason: string };
  next?: { state: 'pending' | 'active' | 'retiring' | 'retired' | 'destroyed'; at: string };
};

export type Keys = { keys: SigningKey[]; cookieKeys: CookieKey[] };

export type AuditEvent = {
  id: string;
  at: string;
  event: string;
  severity: 'info' | 'notice' | 'high';
  tenantId: string | null;
  actor: Actor;
  details: Record<string, unknown>;
  previousHash: string;
  hash: string;
};

export type AuditPage = {
  events: AuditEvent[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type ChainReport = {
  chain: string;
  intact: boolean;
  events: number;
  head?: string;
  problem?: {
    kind: 'edited' | 'removed' | 'reordered' | 'cut-off' | 'rewritten' | 'forged-checkpoint';
    position: number;
    event?: string;
    message: string;
  };
  checkpoint?: { events: number; head: string; at: string; jws: string };
};

export type AuditReport = {
  intact: boolean;
  chains: number;
  events: number;
  unsigned: number;
  broken: ChainReport[];
};

export type AuditLine = { type: 'header' | 'checkpoint' | 'event' | 'end' };

export type Jwk = { kty: string; kid: string; revoked_at?: string };

export type JwkSet = { keys: Jwk[] };

export type Receipt = {
  /** From 1; it grows when the receipt is issued anew */
  version: number;
  /** The payload of `jws` */
  receipt: { iss: string; tenant_id: string; status: string; timestamp: string };
  jws: string;
  key: Jwk;
};

export type Activity = {
  id: string;
  at: string;
  kind:
    | 'signed-in'
    | 'sign-in-failed'
    | 'lockout'
    | 'signed-out'
    | 'signed-up'
    | 'invitation-accepted'
    | 'password-changed'
    | 'password-refused'
    | 'email-changed'
    | 'email-proved'
    | 'profile-changed'
    | 'factor-added'
    | 'factor-removed'
    | 'factor-replaced'
    | 'recovery-used'
    | 'source-linked'
    | 'source-unlinked'
    | 'application-allowed'
    | 'application-removed'
    | 'sessions-ended'
    | 'data-downloaded'
    | 'account-deleted'
    | 'client-registered'
    | 'client-changed'
    | 'client-removed';
  /** Where it belongs; what is nobody’s is `default`’s */
  applicationTenantId: string;
  /** Absent when it is about nobody who is known */
  userId?: string;
  clientId?: string;
  /** Of a sign-in: authentication methods (RFC 8176) */
  methods?: string[];
  /** `totp`, `passkey`, `recovery-codes`, or the name of a sign-in source */
  factor?: string;
  /** Why a sign-in failed: what was wrong */
  reason?: 'password' | 'totp' | 'recovery-code' | 'passkey' | 'source' | 'network';
  /** Client address, or the network that it is in */
  address?: string;
  device?: string;
};

export type ActivityPage = {
  activities: Activity[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type Discrepancy = {
  kind: 'orphan' | 'missing' | 'drift';
  what: string;
  name: string;
  problem: string;
  tenantId: string;
  slug?: string;
  repair?: string;
  since: string;
};

export type Reconciliation = {
  id: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  requestedBy: Actor;
  repair: boolean;
  tenants: number;
  found: { orphan: number; missing: number; drift: number };
  discrepancies: Discrepancy[];
  unchecked: { what: string; slug?: string; reason: string }[];
  error?: string;
  requestedAt: string;
  finishedAt?: string;
};

export type ReconciliationStarted = { id: string; state: 'queued'; repair: boolean };

export type TenantHealth = {
  status: 'healthy' | 'unhealthy';
  since: string;
  checkedAt: string;
  checks: { name: string; passed: boolean; detail?: string }[];
};

export type WebhookWithSecret = {
  id: string;
  url: string;
  events: string[];
  description: string;
  enabled: boolean;
  createdBy: string;
  createdAt: string;
  formerSecretUntil?: string;
  /** Shown this once */
  secret?: string;
};

export type Webhook = {
  id: string;
  url: string;
  events: string[];
  description: string;
  enabled: boolean;
  createdBy: string;
  createdAt: string;
  formerSecretUntil?: string;
};

export type WebhookPage = {
  webhooks: Webhook[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

export type DeliveryStarted = { deliveryId: string };

export type Delivery = {
  id: string;
  event: string;
  state: 'waiting' | 'delivered' | 'dead';
  createdAt: string;
  nextAttemptAt: string | null;
  attempts: { at: string; milliseconds: number; status: number | null; error: string | null }[];
};

export type DeliveryPage = {
  deliveries: Delivery[];
  /** Where the next page begins; absent on the last */
  cursor?: string;
};

/** What each operation takes and answers. */

export interface Operations {
  /** What the admin API offers. Needs no token. */
  listEndpoints: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Index;
  };

  /** The API as an OpenAPI 3.1 document. Needs no token. */
  getApiDocument: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: OpenApiDocument;
  };

  /** The API as a page for people. Needs no token. */
  getApiPage: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: string;
  };

  /** Request a tenant. Needs no token; one that is sent says who asks, and must be valid. Limited per network. */
  submitRegistration: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: {
      /** a name of 1 to 100 characters without control characters and without spaces around it */
      name: string;
      /** 3 to 40 characters: lower-case letters, digits and single hyphens, beginning with a letter and not ending with a hyphen */
      slug?: string;
      features?: {
        auth?: ('password' | '2fa' | 'passkey')[];
        storage?: ('s3' | 'postgresql' | 'redis')[];
        email?: 'templates'[];
        hosting?: 'ecs'[];
      };
      securityPolicy?: {
        passwordPolicy?: {
          minLength?: number;
          requireUppercase?: boolean;
          requireNumbers?: boolean;
          requireSpecialChars?: boolean;
          preventPasswordReuse?: number;
          /** 0: never expires */
          expiryDays?: number;
        };
        /** Seconds */
        sessionTimeout?: number;
        /** Seconds from the sign-in after which a session ends whatever the activity; by default 12 hours, or sessionTimeout when that is longer */
        absoluteSessionTimeout?: number;
        maxConcurrentSessions?: number;
        extendOnActivity?: boolean;
        requireMFA?: boolean;
        twoFactor?: 'off' | 'required';
        /** IP addresses and CIDR ranges; empty: everywhere */
        ipRestrictions?: string[];
        /** IP addresses and CIDR ranges that are refused, even when they are allowed */
        ipDenyList?: string[];
      };
      redirectUris?: string[];
      clientType?: 'web' | 'spa' | 'native';
      requester: {
        /** a name of 1 to 100 characters without control characters and without spaces around it */
        name: string;
        email: string;
      };
      /** a text of 1 to 2000 characters */
      purpose?: string;
    };
    answer: SubmittedRegistration;
  };

  /** List registrations. Needs the scope `registrations:read`, from the platform's issuer. */
  listRegistrations: {
    path: Record<never, never>;
    query: {
      limit?: number;
      cursor?: string;
      status?: 'Submitted' | 'In-Process' | 'Approved' | 'Disapproved';
    };
    body: undefined;
    answer: RegistrationPage;
  };

  /** Follow a registration. Needs no token. */
  getRegistration: {
    path: { orderId: string };
    query: Record<never, never>;
    body: undefined;
    answer: Registration;
  };

  /** Approve a registration. Needs the scope `registrations:decide`, from the platform's issuer. */
  approveRegistration: {
    path: { orderId: string };
    query: Record<never, never>;
    body: {
      /** a text of 1 to 2000 characters */
      comment?: string;
    };
    answer: Registration;
  };

  /** Disapprove a registration. Needs the scope `registrations:decide`, from the platform's issuer. */
  disapproveRegistration: {
    path: { orderId: string };
    query: Record<never, never>;
    body: {
      /** a text of 1 to 2000 characters */
      reason: string;
    };
    answer: Registration;
  };

  /** Create an approved tenant. Needs the scope `admin`, from the platform's issuer. */
  createTenant: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: {
      /** a name of 1 to 100 characters without control characters and without spaces around it */
      name: string;
      /** 3 to 40 characters: lower-case letters, digits and single hyphens, beginning with a letter and not ending with a hyphen */
      slug?: string;
      features?: {
        auth?: ('password' | '2fa' | 'passkey')[];
        storage?: ('s3' | 'postgresql' | 'redis')[];
        email?: 'templates'[];
        hosting?: 'ecs'[];
      };
      securityPolicy?: {
        passwordPolicy?: {
          minLength?: number;
          requireUppercase?: boolean;
          requireNumbers?: boolean;
          requireSpecialChars?: boolean;
          preventPasswordReuse?: number;
          /** 0: never expires */
          expiryDays?: number;
        };
        /** Seconds */
        sessionTimeout?: number;
        /** Seconds from the sign-in after which a session ends whatever the activity; by default 12 hours, or sessionTimeout when that is longer */
        absoluteSessionTimeout?: number;
        maxConcurrentSessions?: number;
        extendOnActivity?: boolean;
        requireMFA?: boolean;
        twoFactor?: 'off' | 'required';
        /** IP addresses and CIDR ranges; empty: everywhere */
        ipRestrictions?: string[];
        /** IP addresses and CIDR ranges that are refused, even when they are allowed */
        ipDenyList?: string[];
      };
      redirectUris?: string[];
      clientType?: 'web' | 'spa' | 'native';
      admin?: {
        /** a name of 1 to 100 characters without control characters and without spaces around it */
        name: string;
        email: string;
      };
      /** a text of 1 to 2000 characters */
      purpose?: string;
      keyMode?: 'local' | 'kms' | 'kms-envelope';
    };
    answer: CreatedTenant;
  };

  /** List tenants. Needs the scope `tenants:read`, from the platform's issuer. */
  listTenants: {
    path: Record<never, never>;
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: TenantPage;
  };

  /** Read a tenant. Needs the scope `tenants:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getTenant: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: TenantInFull;
  };

  /** Delete a tenant when its grace period has ended. Needs the scope `admin`, from the platform's issuer. */
  deleteTenant: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** a text of 1 to 2000 characters */
      reason?: string;
    };
    answer: DeletedTenant;
  };

  /** Suspend a tenant. Needs the scope `admin`, from the platform's issuer. */
  suspendTenant: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** a text of 1 to 2000 characters */
      reason: string;
    };
    answer: GovernedTenant;
  };

  /** Lift the suspension of a tenant. Needs the scope `admin`, from the platform's issuer. */
  resumeTenant: {
    path: { slug: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: GovernedTenant;
  };

  /** Take the deletion of a tenant back. Needs the scope `admin`, from the platform's issuer. */
  restoreTenant: {
    path: { slug: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: GovernedTenant;
  };

  /** Export what a tenant holds as NDJSON, without credentials. Needs the scope `tenants:export`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  exportTenant: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: ExportLine;
  };

  /** Approve or reject how a tenant is set up. Needs the scope `tenants:validate`, from the platform's issuer. */
  decideValidation: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      decision: 'approve' | 'reject';
      /** a text of 1 to 2000 characters */
      comment?: string;
    };
    answer: GovernedTenant;
  };

  /** Pass or fail the compliance review of a tenant. Needs the scope `tenants:review`, from the platform's issuer. */
  decideComplianceReview: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      decision: 'pass' | 'fail';
      /** a text of 1 to 2000 characters */
      findings?: string;
    };
    answer: GovernedTenant;
  };

  /** What was decided about a tenant, and what the checks found at the gate where it waits. Needs the scope `tenants:read`, from the platform's issuer. */
  getDecisions: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: Decisions;
  };

  /** Let a provisioning run that failed go on. Needs the scope `admin`, from the platform's issuer. */
  retryProvisioning: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** a text of 1 to 2000 characters */
      comment?: string;
    };
    answer: GovernedTenant;
  };

  /** Remove what a provisioning run that failed left behind. Needs the scope `admin`, from the platform's issuer. */
  rollbackProvisioning: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** a text of 1 to 2000 characters */
      comment?: string;
    };
    answer: GovernedTenant;
  };

  /** Create a client. Needs the scope `clients:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createClient: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** Shown to users at sign-in and consent */
      name: string;
      type: 'web' | 'spa' | 'native' | 'device' | 'm2m';
      /** A disabled client is refused like an unknown one */
      enabled?: boolean;
      redirectUris?: string[];
      postLogoutRedirectUris?: string[];
      /** API scopes that the client may ask for */
      scopes?: string[];
      /** By default client_secret_basic for web and m2m; none for the others, always */
      tokenEndpointAuthMethod?: 'client_secret_basic' | 'private_key_jwt' | 'none';
      /** Public keys for private_key_jwt (RFC 7523) */
      jwks?: { keys: Record<string, unknown>[] };
      /** Where those keys are, instead of jwks */
      jwksUri?: string;
      /** For private_key_jwt: the only algorithm that counts; by default each that the tenant takes */
      tokenEndpointAuthSigningAlg?: 'ES256' | 'PS256' | 'RS256' | 'EdDSA' | 'Ed25519';
      /** An algorithm that the tenant has a key of; by default that of its first key */
      idTokenSignedResponseAlg?: 'ES256' | 'RS256' | 'PS256';
      /** Userinfo as a JWT, signed so; by default plain JSON */
      userinfoSignedResponseAlg?: 'ES256' | 'RS256' | 'PS256';
      /** pairwise: what people are called here is not what they are called elsewhere; default public */
      subjectType?: 'public' | 'pairwise';
      /** For pairwise: where the redirect URIs of all clients are that know people by one name */
      sectorIdentifierUri?: string;
      /** Seconds since the last sign-in */
      defaultMaxAge?: number;
      requireAuthTime?: boolean;
      defaultAcrValues?: string[];
      /** Where the application begins a sign-in */
      initiateLoginUri?: string;
      /** Told when a session ends */
      backchannelLogoutUri?: string;
      backchannelLogoutSessionRequired?: boolean;
      /** Tokens with DPoP only (RFC 9449) */
      dpopBoundAccessTokens?: boolean;
      /** RFC 9126 */
      requirePushedAuthorizationRequests?: boolean;
      /** Home page */
      clientUri?: string;
      /** Logo */
      logoUri?: string;
      /** Terms of service */
      tosUri?: string;
      /** Privacy policy */
      policyUri?: string;
      contacts?: string[];
      /** For native clients: the device flow (RFC 8628) besides the browser */
      deviceFlow?: boolean;
      /** the id of an application tenant: only its users sign in to the client (E2) */
      applicationTenantId?: string;
      /** A second factor, whatever the policy says */
      requireMfa?: boolean;
      /** Which of its scopes the client may ask for at which API; absent: all of them at every API that has them */
      resourceScopes?: {
        /** Indicator of an API */
        resource: string;
        scopes: string[];
      }[];
      /** Chosen by the server when absent */
      clientId?: string;
    };
    answer: ClientWithSecret;
  };

  /** List clients. Needs the scope `clients:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listClients: {
    path: { slug: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: ClientPage;
  };

  /** Read a client. Needs the scope `clients:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getClient: {
    path: { slug: string; clientId: string };
    query: Record<never, never>;
    body: undefined;
    answer: Client;
  };

  /** Change a client. Needs the scope `clients:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  changeClient: {
    path: { slug: string; clientId: string };
    query: Record<never, never>;
    body: {
      /** Shown to users at sign-in and consent */
      name?: string;
      type?: 'web' | 'spa' | 'native' | 'device' | 'm2m';
      enabled?: boolean | null;
      redirectUris?: string[] | null;
      postLogoutRedirectUris?: string[] | null;
      scopes?: string[] | null;
      tokenEndpointAuthMethod?: 'client_secret_basic' | 'private_key_jwt' | 'none' | null;
      jwks?: { keys?: Record<string, unknown>[] } | null;
      jwksUri?: string | null;
      tokenEndpointAuthSigningAlg?: 'ES256' | 'PS256' | 'RS256' | 'EdDSA' | 'Ed25519' | null;
      idTokenSignedResponseAlg?: 'ES256' | 'RS256' | 'PS256' | null;
      userinfoSignedResponseAlg?: 'ES256' | 'RS256' | 'PS256' | null;
      subjectType?: 'public' | 'pairwise' | null;
      sectorIdentifierUri?: string | null;
      defaultMaxAge?: number | null;
      requireAuthTime?: boolean | null;
      defaultAcrValues?: string[] | null;
      initiateLoginUri?: string | null;
      backchannelLogoutUri?: string | null;
      backchannelLogoutSessionRequired?: boolean | null;
      dpopBoundAccessTokens?: boolean | null;
      requirePushedAuthorizationRequests?: boolean | null;
      clientUri?: string | null;
      logoUri?: string | null;
      tosUri?: string | null;
      policyUri?: string | null;
      contacts?: string[] | null;
      deviceFlow?: boolean | null;
      applicationTenantId?: string | null;
      requireMfa?: boolean | null;
      resourceScopes?:
        | {
            /** Indicator of an API */
            resource: string;
            scopes: string[];
          }[]
        | null;
    };
    answer: ClientWithSecret;
  };

  /** Delete a client. Needs the scope `clients:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  deleteClient: {
    path: { slug: string; clientId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: RemovedClient;
  };

  /** Replace a client's secret; the former one counts for a while. Needs the scope `clients:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  rotateClientSecret: {
    path: { slug: string; clientId: string };
    query: Record<never, never>;
    body: {
      /** How long the former secret counts beside the new one */
      graceSeconds?: number;
    };
    answer: ClientWithSecret;
  };

  /** End a client's former secret at once. Needs the scope `clients:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  endFormerClientSecret: {
    path: { slug: string; clientId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Client;
  };

  /** Read whether clients may register themselves. Needs the scope `clients:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getClientRegistration: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: ClientRegistration;
  };

  /** Let clients register themselves, or no longer. Needs the scope `clients:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  changeClientRegistration: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** Who registers needs an initial access token all the same */
      enabled?: boolean;
      types?: ('web' | 'spa' | 'native' | 'device' | 'm2m')[];
      /** API scopes that they may ask for; none of the admin API */
      scopes?: string[];
      /** hosts, or private-use schemes, to which their redirect URIs may lead; with none of them: anywhere */
      redirectHosts?: string[];
    };
    answer: ClientRegistration;
  };

  /** Create an initial access token. Needs the scope `clients:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createInitialAccessToken: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      name: string;
      /** Default 1 */
      uses?: number;
      /** Default: one day */
      expiresInSeconds?: number;
    };
    answer: CreatedInitialAccessToken;
  };

  /** List initial access tokens. Needs the scope `clients:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listInitialAccessTokens: {
    path: { slug: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: InitialAccessTokenPage;
  };

  /** Read an initial access token. Needs the scope `clients:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getInitialAccessToken: {
    path: { slug: string; tokenId: string };
    query: Record<never, never>;
    body: undefined;
    answer: InitialAccessToken;
  };

  /** Revoke an initial access token. Needs the scope `clients:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  revokeInitialAccessToken: {
    path: { slug: string; tokenId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Removed;
  };

  /** Create an API resource. Needs the scope `resources:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createResource: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** Absolute URI that clients ask for and tokens carry as audience */
      indicator: string;
      name: string;
      scopes: string[];
      accessTokenFormat: 'jwt' | 'opaque';
      accessTokenTtlSeconds: number;
      /** Of JWT access tokens, one that the tenant has a key of; by default that of the client’s ID tokens */
      signingAlgorithm?: 'ES256' | 'RS256' | 'PS256';
      /** Confidential clients of the API itself, which may introspect tokens that are meant for it */
      introspectionClientIds?: string[];
      /** People get only those of its scopes that their roles give; default false */
      scopesByRole?: boolean;
    };
    answer: ApiResource;
  };

  /** List API resources. Needs the scope `resources:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listResources: {
    path: { slug: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: ApiResourcePage;
  };

  /** Read an API resource. Needs the scope `resources:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getResource: {
    path: { slug: string; indicator: string };
    query: Record<never, never>;
    body: undefined;
    answer: ApiResource;
  };

  /** Change an API resource. Needs the scope `resources:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  changeResource: {
    path: { slug: string; indicator: string };
    query: Record<never, never>;
    body: {
      /** Absolute URI that clients ask for and tokens carry as audience */
      indicator?: string;
      name?: string;
      scopes?: string[];
      accessTokenFormat?: 'jwt' | 'opaque';
      accessTokenTtlSeconds?: number;
      signingAlgorithm?: 'ES256' | 'RS256' | 'PS256' | null;
      introspectionClientIds?: string[] | null;
      scopesByRole?: boolean | null;
    };
    answer: ApiResource;
  };

  /** Delete an API resource. Needs the scope `resources:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  deleteResource: {
    path: { slug: string; indicator: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: RemovedApiResource;
  };

  /** Create a sign-in source. Needs the scope `sign-in-sources:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createSignInSource: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** Cannot be changed later */
      kind: 'openid' | 'ldap';
      /** Shown on the sign-in page */
      name: string;
      /** Default true */
      enabled?: boolean;
      /** Application tenants whose people may use it; absent: all */
      applicationTenantIds?: string[];
      /** E-mail domains whose people the source is for, and the only ones for which it makes accounts; empty: any */
      domains?: string[];
      /** E-mail domains for which the source is believed: accounts with such an address are linked to it without a further proof. Each must be a verified domain of the application tenant */
      linkDomains?: string[];
      /** Whether newcomers get an account; default true */
      createAccounts?: boolean;
      /** Roles of accounts that it makes */
      defaultRoles?: string[];
      /** Roles that come with a group, and go with it; roles that are not named here stay as they are */
      roleMapping?: { group: string; roles: string[] }[];
      openid?: {
        /** Issuer URL; cannot be changed later */
        issuer: string;
        clientId: string;
        /** Default: client_secret_basic */
        clientAuthentication?: 'client_secret_basic' | 'client_secret_post' | 'none';
        /** Default: openid, email, profile */
        scopes?: string[];
        /** Read claims from the userinfo endpoint, too; default false */
        readUserinfo?: boolean;
        /** Default: email, email_verified, name, groups */
        claims?: {
          /** Name of a claim */
          email?: string;
          /** Name of a claim */
          emailVerified?: string;
          /** Name of a claim */
          name?: string;
          /** Name of a claim */
          groups?: string;
        };
        /** Whether a second factor that the provider tells of (amr: mfa) counts here; default false */
        trustMfa?: boolean;
        /** What shows that somebody has signed in there just now: auth_time, or for a provider that does not tell it, that they come back after it had to ask them. Default: auth_time; for Google arrival */
        freshSignIn?: 'auth_time' | 'arrival';
        /** certificates in PEM form; they take the place of the system’s authorities */
        certificateAuthority?: string;
      };
      ldap?: {
        /** an LDAP URL without a path, such as ldaps://ldap.example.com */
        url: string;
        /** For ldap: URLs; default true */
        startTls?: boolean;
        /** certificates in PEM form; they take the place of the system’s authorities */
        certificateAuthority?: string;
        /** a distinguished name, or in Active Directory user@domain */
        readerDn?: string;
        /** Where people are */
        baseDn: string;
        /** the name of an attribute, such as mail */
        personClass?: string;
        /** Default: mail */
        loginAttributes?: string[];
        /** the name of an attribute, such as mail */
        idAttribute?: string;
        /** the name of an attribute, such as mail */
        emailAttribute?: string;
        /** the name of an attribute, such as mail */
        nameAttribute?: string;
        /** the name of an attribute, such as mail */
        groupsAttribute?: string;
        groupSearch?: {
          baseDn: string;
          /** the name of an attribute, such as mail */
          memberAttribute: string;
          /** the name of an attribute, such as mail */
          nameAttribute: string;
        };
        /** In Active Directory: userAccountControl and 2 */
        disabledFlag?: {
          /** the name of an attribute, such as mail */
          attribute: string;
          mask: number;
        };
      };
      /** Client secret, or password of the reader; never shown */
      secret?: string;
    };
    answer: SignInSource;
  };

  /** List sign-in sources. Needs the scope `sign-in-sources:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listSignInSources: {
    path: { slug: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: SignInSourcePage;
  };

  /** Read a sign-in source. Needs the scope `sign-in-sources:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getSignInSource: {
    path: { slug: string; sourceId: string };
    query: Record<never, never>;
    body: undefined;
    answer: SignInSource;
  };

  /** Change a sign-in source. Needs the scope `sign-in-sources:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  changeSignInSource: {
    path: { slug: string; sourceId: string };
    query: Record<never, never>;
    body: {
      /** Cannot be changed later */
      kind?: 'openid' | 'ldap';
      /** Shown on the sign-in page */
      name?: string;
      enabled?: boolean | null;
      applicationTenantIds?: string[] | null;
      domains?: string[] | null;
      linkDomains?: string[] | null;
      createAccounts?: boolean | null;
      defaultRoles?: string[] | null;
      roleMapping?: { group: string; roles: string[] }[] | null;
      openid?: {
        /** Issuer URL; cannot be changed later */
        issuer?: string;
        clientId?: string;
        clientAuthentication?: 'client_secret_basic' | 'client_secret_post' | 'none' | null;
        scopes?: string[] | null;
        readUserinfo?: boolean | null;
        claims?: {
          email?: string | null;
          emailVerified?: string | null;
          name?: string | null;
          groups?: string | null;
        } | null;
        trustMfa?: boolean | null;
        freshSignIn?: 'auth_time' | 'arrival' | null;
        certificateAuthority?: string | null;
      } | null;
      ldap?: {
        /** an LDAP URL without a path, such as ldaps://ldap.example.com */
        url?: string;
        startTls?: boolean | null;
        certificateAuthority?: string | null;
        readerDn?: string | null;
        /** Where people are */
        baseDn?: string;
        personClass?: string | null;
        loginAttributes?: string[] | null;
        idAttribute?: string | null;
        emailAttribute?: string | null;
        nameAttribute?: string | null;
        groupsAttribute?: string | null;
        groupSearch?: {
          baseDn?: string;
          /** the name of an attribute, such as mail */
          memberAttribute?: string;
          /** the name of an attribute, such as mail */
          nameAttribute?: string;
        } | null;
        disabledFlag?: {
          /** the name of an attribute, such as mail */
          attribute?: string;
          mask?: number;
        } | null;
      } | null;
      secret?: string | null;
    };
    answer: SignInSource;
  };

  /** Remove a sign-in source. Needs the scope `sign-in-sources:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  removeSignInSource: {
    path: { slug: string; sourceId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Removed;
  };

  /** Try whether a sign-in source answers. Needs the scope `sign-in-sources:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  testSignInSource: {
    path: { slug: string; sourceId: string };
    query: Record<never, never>;
    body: undefined;
    answer: {
      works: boolean;
      reason?: 'denied' | 'unavailable' | 'misconfigured' | 'untrusted';
      explanation?: string;
    };
  };

  /** Read how the pages look. Needs the scope `branding:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getBranding: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: Branding;
  };

  /** Change how the pages look. Needs the scope `branding:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  changeBranding: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      displayName?: string | null;
      language?: 'en' | 'de' | 'ar' | null;
      colours?: {
        /** a colour such as #1f5a55 */
        accent?: string;
        accentDark?: string | null;
      } | null;
      links?: { support?: string | null; privacy?: string | null; terms?: string | null } | null;
    };
    answer: Branding;
  };

  /** Set the logo. Needs the scope `branding:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  setLogo: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** the picture in base64 */
      data: string;
    };
    answer: Branding;
  };

  /** Remove the logo. Needs the scope `branding:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  removeLogo: {
    path: { slug: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Branding;
  };

  /** List mail templates. Needs the scope `branding:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listMailTemplates: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: MailTemplateList;
  };

  /** Read a mail template. Needs the scope `branding:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getMailTemplate: {
    path: { slug: string; template: string; language: string };
    query: Record<never, never>;
    body: undefined;
    answer: MailTemplate;
  };

  /** Change a mail template. Needs the scope `branding:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  changeMailTemplate: {
    path: { slug: string; template: string; language: string };
    query: Record<never, never>;
    body: { subject?: string; text?: string; html?: string | null };
    answer: MailTemplate;
  };

  /** Go back to the default mail template. Needs the scope `branding:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  resetMailTemplate: {
    path: { slug: string; template: string; language: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: MailTemplate;
  };

  /** See what a mail would look like. Needs the scope `branding:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  previewMail: {
    path: { slug: string; template: string; language: string };
    query: Record<never, never>;
    body: { subject?: string; text?: string; html?: string };
    answer: MailPreview;
  };

  /** Create an application tenant. Needs the scope `application-tenants:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createApplicationTenant: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** 1 to 256 visible ASCII characters */
      slug?: string;
      /** text of at most 100 characters on one line */
      name: string;
      securityPolicy?: {
        passwordPolicy?: {
          minLength?: number;
          requireUppercase?: boolean;
          requireNumbers?: boolean;
          requireSpecialChars?: boolean;
          preventPasswordReuse?: number;
          /** 0: never expires */
          expiryDays?: number;
        };
        /** Seconds */
        sessionTimeout?: number;
        /** Seconds from the sign-in after which a session ends whatever the activity; by default 12 hours, or sessionTimeout when that is longer */
        absoluteSessionTimeout?: number;
        maxConcurrentSessions?: number;
        extendOnActivity?: boolean;
        requireMFA?: boolean;
        twoFactor?: 'off' | 'required';
        /** IP addresses and CIDR ranges; empty: everywhere */
        ipRestrictions?: string[];
        /** IP addresses and CIDR ranges that are refused, even when they are allowed */
        ipDenyList?: string[];
      };
      /** Ids of sign-in sources, `password` for the password form */
      signInSources?: string[];
      signUp?: 'open' | 'invitation' | 'domain';
    };
    answer: ApplicationTenant;
  };

  /** List application tenants. Needs the scope `application-tenants:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listApplicationTenants: {
    path: { slug: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: ApplicationTenantPage;
  };

  /** Read an application tenant. Needs the scope `application-tenants:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getApplicationTenant: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: undefined;
    answer: ApplicationTenant;
  };

  /** Change an application tenant. Needs the scope `application-tenants:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  updateApplicationTenant: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: {
      /** text of at most 100 characters on one line */
      name?: string;
      securityPolicy?: {
        passwordPolicy?: {
          minLength?: number | null;
          requireUppercase?: boolean | null;
          requireNumbers?: boolean | null;
          requireSpecialChars?: boolean | null;
          preventPasswordReuse?: number | null;
          expiryDays?: number | null;
        } | null;
        sessionTimeout?: number | null;
        absoluteSessionTimeout?: number | null;
        maxConcurrentSessions?: number | null;
        extendOnActivity?: boolean | null;
        requireMFA?: boolean | null;
        twoFactor?: 'off' | 'required' | null;
        ipRestrictions?: string[] | null;
        ipDenyList?: string[] | null;
      } | null;
      signInSources?: string[] | null;
      signUp?: 'open' | 'invitation' | 'domain';
    };
    answer: ApplicationTenant;
  };

  /** Delete an application tenant with everybody in it. Needs the scope `application-tenants:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  deleteApplicationTenant: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ApplicationTenant;
  };

  /** Let nobody sign in to an application tenant. Needs the scope `application-tenants:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  suspendApplicationTenant: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ApplicationTenant;
  };

  /** Lift the suspension. Needs the scope `application-tenants:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  resumeApplicationTenant: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ApplicationTenant;
  };

  /** Add a domain, which the DNS has to prove. Needs the scope `application-tenants:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  addApplicationDomain: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: { domain: string };
    answer: ApplicationTenant;
  };

  /** Look for the proof of a domain in the DNS. Needs the scope `application-tenants:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  verifyApplicationDomain: {
    path: { slug: string; applicationTenantId: string; domain: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ApplicationTenant;
  };

  /** Give a domain up. Needs the scope `application-tenants:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  removeApplicationDomain: {
    path: { slug: string; applicationTenantId: string; domain: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ApplicationTenant;
  };

  /** Create a user. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createUser: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** 1 to 256 visible ASCII characters */
      applicationTenant?: string;
      /** E-mail address */
      email: string;
      emailVerified?: boolean;
      /** text of at most 200 characters on one line */
      name: string;
      /** text of at most 100 characters on one line */
      givenName?: string;
      /** text of at most 100 characters on one line */
      familyName?: string;
      /** text of at most 200 characters on one line */
      externalId?: string;
      roles?: string[];
      /** Ids of groups of the same application tenant */
      groups?: string[];
      /** Signs in nowhere, and its tokens are refused */
      disabled?: boolean;
    };
    answer: User;
  };

  /** List and search users. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listUsers: {
    path: { slug: string };
    query: { limit?: number; cursor?: string; applicationTenant?: string; search?: string };
    body: undefined;
    answer: UserPage;
  };

  /** Read a user. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getUser: {
    path: { slug: string; userId: string };
    query: Record<never, never>;
    body: undefined;
    answer: User;
  };

  /** Change a user. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  updateUser: {
    path: { slug: string; userId: string };
    query: Record<never, never>;
    body: {
      /** E-mail address */
      email?: string;
      emailVerified?: boolean;
      /** text of at most 200 characters on one line */
      name?: string;
      givenName?: string | null;
      familyName?: string | null;
      externalId?: string | null;
      roles?: string[];
      /** Ids of groups of the same application tenant */
      groups?: string[];
      /** Signs in nowhere, and its tokens are refused */
      disabled?: boolean;
    };
    answer: User;
  };

  /** Delete a user with everything that belongs to it. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  deleteUser: {
    path: { slug: string; userId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Removed;
  };

  /** Take back all access that a user has at this moment. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  endUserSessions: {
    path: { slug: string; userId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: EndedUserAccess;
  };

  /** Take away all second factors of a user who has lost them. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  resetUserFactors: {
    path: { slug: string; userId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: EndedUserAccess;
  };

  /** Upload users as NDJSON or CSV. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  importUsers: {
    path: { slug: string };
    query: { applicationTenant?: string; onExisting?: 'skip' | 'update' };
    body: unknown;
    answer: UserImport;
  };

  /** See how far an import is. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getUserImport: {
    path: { slug: string; importId: string };
    query: Record<never, never>;
    body: undefined;
    answer: UserImport;
  };

  /** Read which lines of an import were refused, and why. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listUserImportErrors: {
    path: { slug: string; importId: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: ImportErrorPage;
  };

  /** Export users as NDJSON, without credentials. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  exportUsers: {
    path: { slug: string };
    query: { applicationTenant?: string };
    body: undefined;
    answer: ExportedUser;
  };

  /** Invite somebody. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createInvitation: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** 1 to 256 visible ASCII characters */
      applicationTenant?: string;
      /** E-mail address */
      email: string;
      /** text of at most 200 characters on one line */
      name: string;
      roles?: string[];
      /** Ids of groups of the same application tenant */
      groups?: string[];
      /** Language of the mail */
      locale?: 'en' | 'de' | 'ar';
    };
    answer: Invitation;
  };

  /** List invitations. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listInvitations: {
    path: { slug: string };
    query: { limit?: number; cursor?: string; applicationTenant?: string };
    body: undefined;
    answer: InvitationPage;
  };

  /** Read an invitation. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getInvitation: {
    path: { slug: string; invitationId: string };
    query: Record<never, never>;
    body: undefined;
    answer: Invitation;
  };

  /** Take an invitation back, and the account with it unless it was accepted. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  revokeInvitation: {
    path: { slug: string; invitationId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Removed;
  };

  /** Send an invitation again, with a new link. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  resendInvitation: {
    path: { slug: string; invitationId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Invitation;
  };

  /** Create a group. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createGroup: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** 1 to 256 visible ASCII characters */
      applicationTenant?: string;
      /** text of at most 100 characters on one line */
      name: string;
      /** text of at most 500 characters on one line */
      description?: string;
      roles?: string[];
    };
    answer: Group;
  };

  /** List groups. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listGroups: {
    path: { slug: string };
    query: { limit?: number; cursor?: string; applicationTenant?: string };
    body: undefined;
    answer: GroupPage;
  };

  /** Read a group. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getGroup: {
    path: { slug: string; groupId: string };
    query: Record<never, never>;
    body: undefined;
    answer: Group;
  };

  /** Change a group. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  updateGroup: {
    path: { slug: string; groupId: string };
    query: Record<never, never>;
    body: {
      /** text of at most 100 characters on one line */
      name?: string;
      /** text of at most 500 characters on one line */
      description?: string;
      roles?: string[];
    };
    answer: Group;
  };

  /** Delete a group; its members stay. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  deleteGroup: {
    path: { slug: string; groupId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Removed;
  };

  /** List the members of a group. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listGroupMembers: {
    path: { slug: string; groupId: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: GroupMemberPage;
  };

  /** Add a user to a group. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  addGroupMember: {
    path: { slug: string; groupId: string };
    query: Record<never, never>;
    body: {
      /** 1 to 256 visible ASCII characters */
      userId: string;
    };
    answer: GroupMember;
  };

  /** Take a user out of a group. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  removeGroupMember: {
    path: { slug: string; groupId: string; userId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: RemovedGroupMember;
  };

  /** List the tenant's roles. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listRoles: {
    path: { slug: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: RolePage;
  };

  /** Add to the tenant's roles. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createRole: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** up to 64 letters, digits, spaces, dots, hyphens and underscores */
      name: string;
      /** text of at most 500 characters on one line */
      description?: string;
      /** What the role gives; `admin` makes an administrator */
      scopes: string[];
    };
    answer: Role;
  };

  /** Read one of the tenant's roles. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getRole: {
    path: { slug: string; role: string };
    query: Record<never, never>;
    body: undefined;
    answer: Role;
  };

  /** Change one of the tenant's roles. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  updateRole: {
    path: { slug: string; role: string };
    query: Record<never, never>;
    body: {
      /** text of at most 500 characters on one line */
      description?: string;
      /** What the role gives; `admin` makes an administrator */
      scopes?: string[];
    };
    answer: Role;
  };

  /** Remove one of the tenant's roles. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  deleteRole: {
    path: { slug: string; role: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: RemovedRole;
  };

  /** List the roles that an application tenant has of its own. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listApplicationTenantRoles: {
    path: { slug: string; applicationTenantId: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: RolePage;
  };

  /** Add to the roles that an application tenant has of its own. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createApplicationTenantRole: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: {
      /** up to 64 letters, digits, spaces, dots, hyphens and underscores */
      name: string;
      /** text of at most 500 characters on one line */
      description?: string;
      /** What the role gives; `admin` makes an administrator */
      scopes: string[];
    };
    answer: Role;
  };

  /** Read one of the roles that an application tenant has of its own. Needs the scope `users:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getApplicationTenantRole: {
    path: { slug: string; applicationTenantId: string; role: string };
    query: Record<never, never>;
    body: undefined;
    answer: Role;
  };

  /** Change one of the roles that an application tenant has of its own. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  updateApplicationTenantRole: {
    path: { slug: string; applicationTenantId: string; role: string };
    query: Record<never, never>;
    body: {
      /** text of at most 500 characters on one line */
      description?: string;
      /** What the role gives; `admin` makes an administrator */
      scopes?: string[];
    };
    answer: Role;
  };

  /** Remove one of the roles that an application tenant has of its own. Needs the scope `users:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  deleteApplicationTenantRole: {
    path: { slug: string; applicationTenantId: string; role: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: RemovedRole;
  };

  /** SCIM: create a user. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimCreateUser: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ScimResource;
  };

  /** SCIM: list and filter users. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimListUsers: {
    path: { slug: string; applicationTenantId: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** SCIM: read a user. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimGetUser: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** SCIM: replace a user. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimReplaceUser: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ScimResource;
  };

  /** SCIM: change a user. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimChangeUser: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ScimResource;
  };

  /** SCIM: delete a user. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimDeleteUser: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: null;
  };

  /** SCIM: create a group. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimCreateGroup: {
    path: { slug: string; applicationTenantId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ScimResource;
  };

  /** SCIM: list and filter groups. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimListGroups: {
    path: { slug: string; applicationTenantId: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** SCIM: read a group. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimGetGroup: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** SCIM: replace a group. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimReplaceGroup: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ScimResource;
  };

  /** SCIM: change a group. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimChangeGroup: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: ScimResource;
  };

  /** SCIM: delete a group. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimDeleteGroup: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: null;
  };

  /** SCIM: what the service can do. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimGetServiceProviderConfig: {
    path: { slug: string; applicationTenantId: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** SCIM: list the types of resources. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimListResourceTypes: {
    path: { slug: string; applicationTenantId: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** SCIM: read a type of resources. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimGetResourceType: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** SCIM: list the schemas. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimListSchemas: {
    path: { slug: string; applicationTenantId: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** SCIM: read a schema. Needs the scope `scim`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  scimGetSchema: {
    path: { slug: string; applicationTenantId: string; id: string };
    query: {
      filter?: string;
      startIndex?: number;
      count?: number;
      attributes?: string;
      excludedAttributes?: string;
    };
    body: undefined;
    answer: ScimResource;
  };

  /** Read the security policy. Needs the scope `policy:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getPolicy: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: SecurityPolicy;
  };

  /** Change the security policy. Needs the scope `policy:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  changePolicy: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      passwordPolicy?: {
        minLength?: number | null;
        requireUppercase?: boolean | null;
        requireNumbers?: boolean | null;
        requireSpecialChars?: boolean | null;
        preventPasswordReuse?: number | null;
        expiryDays?: number | null;
      } | null;
      sessionTimeout?: number | null;
      absoluteSessionTimeout?: number | null;
      maxConcurrentSessions?: number | null;
      extendOnActivity?: boolean | null;
      requireMFA?: boolean | null;
      twoFactor?: 'off' | 'required' | null;
      ipRestrictions?: string[] | null;
      ipDenyList?: string[] | null;
    };
    answer: SecurityPolicy;
  };

  /** Read what the tenant has used. Needs the scope `usage:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getUsage: {
    path: { slug: string };
    query: { from?: string; to?: string; granularity?: 'day' | 'month' };
    body: undefined;
    answer: Usage;
  };

  /** Read how much the tenant may use. Needs the scope `usage:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getQuotas: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: Quotas;
  };

  /** Change how much the tenant may use. Needs the scope `admin`, from the platform's issuer. */
  changeQuotas: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      users?: number | null;
      clients?: number | null;
      requestsPerSecond?: number | null;
      tokensPerSecond?: number | null;
    };
    answer: Quotas;
  };

  /** Create an API key. Needs the scope `api-keys:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createApiKey: {
    path: { slug: string };
    query: Record<never, never>;
    body: {
      /** 1 to 256 visible ASCII characters */
      applicationTenant?: string;
      name: string;
      scopes: (
        | 'admin'
        | 'registrations:read'
        | 'registrations:decide'
        | 'tenants:validate'
        | 'tenants:review'
        | 'tenants:read'
        | 'tenants:export'
        | 'audit:read'
        | 'clients:read'
        | 'clients:write'
        | 'resources:read'
        | 'resources:write'
        | 'branding:read'
        | 'branding:write'
        | 'sign-in-sources:read'
        | 'sign-in-sources:write'
        | 'keys:read'
        | 'keys:write'
        | 'api-keys:read'
        | 'api-keys:write'
        | 'webhooks:read'
        | 'webhooks:write'
        | 'policy:read'
        | 'policy:write'
        | 'usage:read'
        | 'activity:read'
        | 'users:read'
        | 'users:write'
        | 'application-tenants:read'
        | 'application-tenants:write'
        | 'scim'
      )[];
      /** Default 90 */
      expiresInDays?: number;
    };
    answer: CreatedApiKey;
  };

  /** List API keys. Needs the scope `api-keys:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listApiKeys: {
    path: { slug: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: ApiKeyPage;
  };

  /** Read an API key. Needs the scope `api-keys:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getApiKey: {
    path: { slug: string; keyId: string };
    query: Record<never, never>;
    body: undefined;
    answer: ApiKey;
  };

  /** Revoke an API key. Needs the scope `api-keys:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  revokeApiKey: {
    path: { slug: string; keyId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Removed;
  };

  /** List a tenant's keys. Needs the scope `keys:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listKeys: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: Keys;
  };

  /** Rotate a signing key, or add one of another algorithm. Needs the scope `keys:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  rotateKey: {
    path: { slug: string };
    query: Record<never, never>;
    body: { alg?: 'ES256' | 'RS256' | 'PS256' };
    answer: Keys;
  };

  /** Withdraw a signing key at once. Needs the scope `keys:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  revokeKey: {
    path: { slug: string; kid: string };
    query: Record<never, never>;
    body: { reason: string };
    answer: Keys;
  };

  /** Rotate the cookie key. Needs the scope `keys:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  rotateCookieKey: {
    path: { slug: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Keys;
  };

  /** Withdraw all cookie keys at once, which ends every session. Needs the scope `keys:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  revokeCookieKeys: {
    path: { slug: string };
    query: Record<never, never>;
    body: { reason: string };
    answer: Keys;
  };

  /** Read the audit log. Needs the scope `audit:read`, from the platform's issuer. */
  listAudit: {
    path: Record<never, never>;
    query: {
      limit?: number;
      cursor?: string;
      event?: string;
      actor?: string;
      from?: string;
      to?: string;
      tenantId?: string;
    };
    body: undefined;
    answer: AuditPage;
  };

  /** Verify the audit log, or one of its chains. Needs the scope `audit:read`, from the platform's issuer. */
  verifyAudit: {
    path: Record<never, never>;
    query: { tenantId?: string; chain?: string };
    body: undefined;
    answer: AuditReport | ChainReport;
  };

  /** Export the audit log as NDJSON. Needs the scope `audit:read`, from the platform's issuer. */
  exportAudit: {
    path: Record<never, never>;
    query: { event?: string; actor?: string; from?: string; to?: string; tenantId?: string; chain?: string };
    body: undefined;
    answer: AuditLine;
  };

  /** Read a tenant's audit log. Needs the scope `audit:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listTenantAudit: {
    path: { slug: string };
    query: { limit?: number; cursor?: string; event?: string; actor?: string; from?: string; to?: string };
    body: undefined;
    answer: AuditPage;
  };

  /** Verify a tenant's audit log. Needs the scope `audit:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  verifyTenantAudit: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: ChainReport;
  };

  /** Export a tenant's audit log as NDJSON. Needs the scope `audit:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  exportTenantAudit: {
    path: { slug: string };
    query: { event?: string; actor?: string; from?: string; to?: string };
    body: undefined;
    answer: AuditLine;
  };

  /** Every key that ever signed a receipt or an audit checkpoint. Needs no token. */
  listEvidenceKeys: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: JwkSet;
  };

  /** Read a tenant's provisioning receipt. Needs the scope `tenants:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getReceipt: {
    path: { slug: string };
    query: { version?: number };
    body: undefined;
    answer: Receipt;
  };

  /** Issue a receipt anew whose key was revoked. Needs the scope `admin`, from the platform's issuer. */
  reissueReceipt: {
    path: { slug: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Receipt;
  };

  /** Read what people have done, the newest first. Needs the scope `activity:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listActivity: {
    path: { slug: string };
    query: {
      limit?: number;
      cursor?: string;
      applicationTenant?: string;
      kind?:
        | 'signed-in'
        | 'sign-in-failed'
        | 'lockout'
        | 'signed-out'
        | 'signed-up'
        | 'invitation-accepted'
        | 'password-changed'
        | 'password-refused'
        | 'email-changed'
        | 'email-proved'
        | 'profile-changed'
        | 'factor-added'
        | 'factor-removed'
        | 'factor-replaced'
        | 'recovery-used'
        | 'source-linked'
        | 'source-unlinked'
        | 'application-allowed'
        | 'application-removed'
        | 'sessions-ended'
        | 'data-downloaded'
        | 'account-deleted'
        | 'client-registered'
        | 'client-changed'
        | 'client-removed';
      userId?: string;
      from?: string;
      to?: string;
    };
    body: undefined;
    answer: ActivityPage;
  };

  /** Export what people have done as NDJSON, the newest first. Needs the scope `activity:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  exportActivity: {
    path: { slug: string };
    query: {
      applicationTenant?: string;
      kind?:
        | 'signed-in'
        | 'sign-in-failed'
        | 'lockout'
        | 'signed-out'
        | 'signed-up'
        | 'invitation-accepted'
        | 'password-changed'
        | 'password-refused'
        | 'email-changed'
        | 'email-proved'
        | 'profile-changed'
        | 'factor-added'
        | 'factor-removed'
        | 'factor-replaced'
        | 'recovery-used'
        | 'source-linked'
        | 'source-unlinked'
        | 'application-allowed'
        | 'application-removed'
        | 'sessions-ended'
        | 'data-downloaded'
        | 'account-deleted'
        | 'client-registered'
        | 'client-changed'
        | 'client-removed';
      userId?: string;
      from?: string;
      to?: string;
    };
    body: undefined;
    answer: Activity;
  };

  /** Read the last report of the reconciler. Needs the scope `tenants:read`, from the platform's issuer. */
  getLatestReconciliation: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Reconciliation;
  };

  /** Compare what is recorded with what exists, and repair it if asked to. Needs the scope `admin`, from the platform's issuer. */
  startReconciliation: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: { repair?: boolean };
    answer: ReconciliationStarted;
  };

  /** Read one report of the reconciler. Needs the scope `tenants:read`, from the platform's issuer. */
  getReconciliation: {
    path: { reconciliationId: string };
    query: Record<never, never>;
    body: undefined;
    answer: Reconciliation;
  };

  /** Read how a tenant was found when it was last looked at. Needs the scope `tenants:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getTenantHealth: {
    path: { slug: string };
    query: Record<never, never>;
    body: undefined;
    answer: TenantHealth;
  };

  /** Create a webhook. Needs the scope `admin`, from the platform's issuer. */
  createWebhook: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: { url: string; events: string[]; description?: string };
    answer: WebhookWithSecret;
  };

  /** List webhooks. Needs the scope `admin`, from the platform's issuer. */
  listWebhooks: {
    path: Record<never, never>;
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: WebhookPage;
  };

  /** Read a webhook. Needs the scope `admin`, from the platform's issuer. */
  getWebhook: {
    path: { webhookId: string };
    query: Record<never, never>;
    body: undefined;
    answer: Webhook;
  };

  /** Change a webhook. Needs the scope `admin`, from the platform's issuer. */
  changeWebhook: {
    path: { webhookId: string };
    query: Record<never, never>;
    body: { url?: string; events?: string[]; description?: string | null; enabled?: boolean };
    answer: Webhook;
  };

  /** Remove a webhook and its messages. Needs the scope `admin`, from the platform's issuer. */
  removeWebhook: {
    path: { webhookId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Removed;
  };

  /** Enable a webhook. Needs the scope `admin`, from the platform's issuer. */
  enableWebhook: {
    path: { webhookId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Webhook;
  };

  /** Disable a webhook. Needs the scope `admin`, from the platform's issuer. */
  disableWebhook: {
    path: { webhookId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Webhook;
  };

  /** Give a webhook a new secret. Needs the scope `admin`, from the platform's issuer. */
  rotateWebhookSecret: {
    path: { webhookId: string };
    query: Record<never, never>;
    body: { graceSeconds?: number };
    answer: WebhookWithSecret;
  };

  /** Send a message to try a webhook out. Needs the scope `admin`, from the platform's issuer. */
  pingWebhook: {
    path: { webhookId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: DeliveryStarted;
  };

  /** Read the messages of a webhook and their attempts. Needs the scope `admin`, from the platform's issuer. */
  listDeliveries: {
    path: { webhookId: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: DeliveryPage;
  };

  /** Deliver a message of a webhook once more. Needs the scope `admin`, from the platform's issuer. */
  redeliver: {
    path: { webhookId: string; deliveryId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: DeliveryStarted;
  };

  /** Create a webhook of a tenant. Needs the scope `webhooks:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  createTenantWebhook: {
    path: { slug: string };
    query: Record<never, never>;
    body: { url: string; events: string[]; description?: string };
    answer: WebhookWithSecret;
  };

  /** List webhooks of a tenant. Needs the scope `webhooks:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listTenantWebhooks: {
    path: { slug: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: WebhookPage;
  };

  /** Read a webhook of a tenant. Needs the scope `webhooks:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  getTenantWebhook: {
    path: { slug: string; webhookId: string };
    query: Record<never, never>;
    body: undefined;
    answer: Webhook;
  };

  /** Change a webhook of a tenant. Needs the scope `webhooks:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  changeTenantWebhook: {
    path: { slug: string; webhookId: string };
    query: Record<never, never>;
    body: { url?: string; events?: string[]; description?: string | null; enabled?: boolean };
    answer: Webhook;
  };

  /** Remove a webhook of a tenant and its messages. Needs the scope `webhooks:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  removeTenantWebhook: {
    path: { slug: string; webhookId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Removed;
  };

  /** Enable a webhook of a tenant. Needs the scope `webhooks:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  enableTenantWebhook: {
    path: { slug: string; webhookId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Webhook;
  };

  /** Disable a webhook of a tenant. Needs the scope `webhooks:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  disableTenantWebhook: {
    path: { slug: string; webhookId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: Webhook;
  };

  /** Give a webhook of a tenant a new secret. Needs the scope `webhooks:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  rotateTenantWebhookSecret: {
    path: { slug: string; webhookId: string };
    query: Record<never, never>;
    body: { graceSeconds?: number };
    answer: WebhookWithSecret;
  };

  /** Send a message to try a webhook of a tenant out. Needs the scope `webhooks:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  pingTenantWebhook: {
    path: { slug: string; webhookId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: DeliveryStarted;
  };

  /** Read the messages of a webhook of a tenant and their attempts. Needs the scope `webhooks:read`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  listTenantDeliveries: {
    path: { slug: string; webhookId: string };
    query: { limit?: number; cursor?: string };
    body: undefined;
    answer: DeliveryPage;
  };

  /** Deliver a message of a webhook of a tenant once more. Needs the scope `webhooks:write`, from the tenant's issuer or the platform's, or in an API key of the tenant. */
  redeliverTenantDelivery: {
    path: { slug: string; webhookId: string; deliveryId: string };
    query: Record<never, never>;
    body: Record<never, never>;
    answer: DeliveryStarted;
  };
}

/** Where each operation is. */

export const operations = {
  listEndpoints: { method: 'GET', path: '/api', query: [], answers: 'application/json' },

  getApiDocument: { method: 'GET', path: '/api/openapi.json', query: [], answers: 'application/json' },

  getApiPage: { method: 'GET', path: '/api/docs', query: [], answers: 'text/html' },

  submitRegistration: { method: 'POST', path: '/api/registrations', query: [], answers: 'application/json' },

  listRegistrations: {
    method: 'GET',
    path: '/api/registrations',
    query: ['limit', 'cursor', 'status'],
    answers: 'application/json',
  },

  getRegistration: {
    method: 'GET',
    path: '/api/registrations/{orderId}',
    query: [],
    answers: 'application/json',
  },

  approveRegistration: {
    method: 'POST',
    path: '/api/registrations/{orderId}/approve',
    query: [],
    answers: 'application/json',
  },

  disapproveRegistration: {
    method: 'POST',
    path: '/api/registrations/{orderId}/disapprove',
    query: [],
    answers: 'application/json',
  },

  createTenant: { method: 'POST', path: '/api/tenants', query: [], answers: 'application/json' },

  listTenants: {
    method: 'GET',
    path: '/api/tenants',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getTenant: { method: 'GET', path: '/api/tenants/{slug}', query: [], answers: 'application/json' },

  deleteTenant: { method: 'DELETE', path: '/api/tenants/{slug}', query: [], answers: 'application/json' },

  suspendTenant: {
    method: 'POST',
    path: '/api/tenants/{slug}/suspend',
    query: [],
    answers: 'application/json',
  },

  resumeTenant: {
    method: 'POST',
    path: '/api/tenants/{slug}/resume',
    query: [],
    answers: 'application/json',
  },

  restoreTenant: {
    method: 'POST',
    path: '/api/tenants/{slug}/restore',
    query: [],
    answers: 'application/json',
  },

  exportTenant: {
    method: 'GET',
    path: '/api/tenants/{slug}/export',
    query: [],
    answers: 'application/x-ndjson',
  },

  decideValidation: {
    method: 'POST',
    path: '/api/tenants/{slug}/validation',
    query: [],
    answers: 'application/json',
  },

  decideComplianceReview: {
    method: 'POST',
    path: '/api/tenants/{slug}/compliance-review',
    query: [],
    answers: 'application/json',
  },

  getDecisions: {
    method: 'GET',
    path: '/api/tenants/{slug}/decisions',
    query: [],
    answers: 'application/json',
  },

  retryProvisioning: {
    method: 'POST',
    path: '/api/tenants/{slug}/provisioning/retry',
    query: [],
    answers: 'application/json',
  },

  rollbackProvisioning: {
    method: 'POST',
    path: '/api/tenants/{slug}/provisioning/rollback',
    query: [],
    answers: 'application/json',
  },

  createClient: {
    method: 'POST',
    path: '/api/tenants/{slug}/clients',
    query: [],
    answers: 'application/json',
  },

  listClients: {
    method: 'GET',
    path: '/api/tenants/{slug}/clients',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getClient: {
    method: 'GET',
    path: '/api/tenants/{slug}/clients/{clientId}',
    query: [],
    answers: 'application/json',
  },

  changeClient: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/clients/{clientId}',
    query: [],
    answers: 'application/json',
  },

  deleteClient: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/clients/{clientId}',
    query: [],
    answers: 'application/json',
  },

  rotateClientSecret: {
    method: 'POST',
    path: '/api/tenants/{slug}/clients/{clientId}/secret/rotate',
    query: [],
    answers: 'application/json',
  },

  endFormerClientSecret: {
    method: 'POST',
    path: '/api/tenants/{slug}/clients/{clientId}/secret/end-former',
    query: [],
    answers: 'application/json',
  },

  getClientRegistration: {
    method: 'GET',
    path: '/api/tenants/{slug}/client-registration',
    query: [],
    answers: 'application/json',
  },

  changeClientRegistration: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/client-registration',
    query: [],
    answers: 'application/json',
  },

  createInitialAccessToken: {
    method: 'POST',
    path: '/api/tenants/{slug}/initial-access-tokens',
    query: [],
    answers: 'application/json',
  },

  listInitialAccessTokens: {
    method: 'GET',
    path: '/api/tenants/{slug}/initial-access-tokens',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getInitialAccessToken: {
    method: 'GET',
    path: '/api/tenants/{slug}/initial-access-tokens/{tokenId}',
    query: [],
    answers: 'application/json',
  },

  revokeInitialAccessToken: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/initial-access-tokens/{tokenId}',
    query: [],
    answers: 'application/json',
  },

  createResource: {
    method: 'POST',
    path: '/api/tenants/{slug}/resources',
    query: [],
    answers: 'application/json',
  },

  listResources: {
    method: 'GET',
    path: '/api/tenants/{slug}/resources',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getResource: {
    method: 'GET',
    path: '/api/tenants/{slug}/resources/{indicator}',
    query: [],
    answers: 'application/json',
  },

  changeResource: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/resources/{indicator}',
    query: [],
    answers: 'application/json',
  },

  deleteResource: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/resources/{indicator}',
    query: [],
    answers: 'application/json',
  },

  createSignInSource: {
    method: 'POST',
    path: '/api/tenants/{slug}/sign-in-sources',
    query: [],
    answers: 'application/json',
  },

  listSignInSources: {
    method: 'GET',
    path: '/api/tenants/{slug}/sign-in-sources',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getSignInSource: {
    method: 'GET',
    path: '/api/tenants/{slug}/sign-in-sources/{sourceId}',
    query: [],
    answers: 'application/json',
  },

  changeSignInSource: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/sign-in-sources/{sourceId}',
    query: [],
    answers: 'application/json',
  },

  removeSignInSource: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/sign-in-sources/{sourceId}',
    query: [],
    answers: 'application/json',
  },

  testSignInSource: {
    method: 'GET',
    path: '/api/tenants/{slug}/sign-in-sources/{sourceId}/test',
    query: [],
    answers: 'application/json',
  },

  getBranding: {
    method: 'GET',
    path: '/api/tenants/{slug}/branding',
    query: [],
    answers: 'application/json',
  },

  changeBranding: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/branding',
    query: [],
    answers: 'application/json',
  },

  setLogo: {
    method: 'POST',
    path: '/api/tenants/{slug}/branding/logo',
    query: [],
    answers: 'application/json',
  },

  removeLogo: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/branding/logo',
    query: [],
    answers: 'application/json',
  },

  listMailTemplates: {
    method: 'GET',
    path: '/api/tenants/{slug}/mail-templates',
    query: [],
    answers: 'application/json',
  },

  getMailTemplate: {
    method: 'GET',
    path: '/api/tenants/{slug}/mail-templates/{template}/{language}',
    query: [],
    answers: 'application/json',
  },

  changeMailTemplate: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/mail-templates/{template}/{language}',
    query: [],
    answers: 'application/json',
  },

  resetMailTemplate: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/mail-templates/{template}/{language}',
    query: [],
    answers: 'application/json',
  },

  previewMail: {
    method: 'POST',
    path: '/api/tenants/{slug}/mail-templates/{template}/{language}/preview',
    query: [],
    answers: 'application/json',
  },

  createApplicationTenant: {
    method: 'POST',
    path: '/api/tenants/{slug}/application-tenants',
    query: [],
    answers: 'application/json',
  },

  listApplicationTenants: {
    method: 'GET',
    path: '/api/tenants/{slug}/application-tenants',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getApplicationTenant: {
    method: 'GET',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}',
    query: [],
    answers: 'application/json',
  },

  updateApplicationTenant: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}',
    query: [],
    answers: 'application/json',
  },

  deleteApplicationTenant: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}',
    query: [],
    answers: 'application/json',
  },

  suspendApplicationTenant: {
    method: 'POST',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/suspend',
    query: [],
    answers: 'application/json',
  },

  resumeApplicationTenant: {
    method: 'POST',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/resume',
    query: [],
    answers: 'application/json',
  },

  addApplicationDomain: {
    method: 'POST',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/domains',
    query: [],
    answers: 'application/json',
  },

  verifyApplicationDomain: {
    method: 'POST',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/domains/{domain}/verify',
    query: [],
    answers: 'application/json',
  },

  removeApplicationDomain: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/domains/{domain}',
    query: [],
    answers: 'application/json',
  },

  createUser: { method: 'POST', path: '/api/tenants/{slug}/users', query: [], answers: 'application/json' },

  listUsers: {
    method: 'GET',
    path: '/api/tenants/{slug}/users',
    query: ['limit', 'cursor', 'applicationTenant', 'search'],
    answers: 'application/json',
  },

  getUser: {
    method: 'GET',
    path: '/api/tenants/{slug}/users/{userId}',
    query: [],
    answers: 'application/json',
  },

  updateUser: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/users/{userId}',
    query: [],
    answers: 'application/json',
  },

  deleteUser: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/users/{userId}',
    query: [],
    answers: 'application/json',
  },

  endUserSessions: {
    method: 'POST',
    path: '/api/tenants/{slug}/users/{userId}/end-sessions',
    query: [],
    answers: 'application/json',
  },

  resetUserFactors: {
    method: 'POST',
    path: '/api/tenants/{slug}/users/{userId}/reset-factors',
    query: [],
    answers: 'application/json',
  },

  importUsers: {
    method: 'POST',
    path: '/api/tenants/{slug}/user-imports',
    query: ['applicationTenant', 'onExisting'],
    answers: 'application/json',
  },

  getUserImport: {
    method: 'GET',
    path: '/api/tenants/{slug}/user-imports/{importId}',
    query: [],
    answers: 'application/json',
  },

  listUserImportErrors: {
    method: 'GET',
    path: '/api/tenants/{slug}/user-imports/{importId}/errors',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  exportUsers: {
    method: 'GET',
    path: '/api/tenants/{slug}/user-export',
    query: ['applicationTenant'],
    answers: 'application/x-ndjson',
  },

  createInvitation: {
    method: 'POST',
    path: '/api/tenants/{slug}/invitations',
    query: [],
    answers: 'application/json',
  },

  listInvitations: {
    method: 'GET',
    path: '/api/tenants/{slug}/invitations',
    query: ['limit', 'cursor', 'applicationTenant'],
    answers: 'application/json',
  },

  getInvitation: {
    method: 'GET',
    path: '/api/tenants/{slug}/invitations/{invitationId}',
    query: [],
    answers: 'application/json',
  },

  revokeInvitation: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/invitations/{invitationId}',
    query: [],
    answers: 'application/json',
  },

  resendInvitation: {
    method: 'POST',
    path: '/api/tenants/{slug}/invitations/{invitationId}/resend',
    query: [],
    answers: 'application/json',
  },

  createGroup: { method: 'POST', path: '/api/tenants/{slug}/groups', query: [], answers: 'application/json' },

  listGroups: {
    method: 'GET',
    path: '/api/tenants/{slug}/groups',
    query: ['limit', 'cursor', 'applicationTenant'],
    answers: 'application/json',
  },

  getGroup: {
    method: 'GET',
    path: '/api/tenants/{slug}/groups/{groupId}',
    query: [],
    answers: 'application/json',
  },

  updateGroup: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/groups/{groupId}',
    query: [],
    answers: 'application/json',
  },

  deleteGroup: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/groups/{groupId}',
    query: [],
    answers: 'application/json',
  },

  listGroupMembers: {
    method: 'GET',
    path: '/api/tenants/{slug}/groups/{groupId}/members',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  addGroupMember: {
    method: 'POST',
    path: '/api/tenants/{slug}/groups/{groupId}/members',
    query: [],
    answers: 'application/json',
  },

  removeGroupMember: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/groups/{groupId}/members/{userId}',
    query: [],
    answers: 'application/json',
  },

  listRoles: {
    method: 'GET',
    path: '/api/tenants/{slug}/roles',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  createRole: { method: 'POST', path: '/api/tenants/{slug}/roles', query: [], answers: 'application/json' },

  getRole: {
    method: 'GET',
    path: '/api/tenants/{slug}/roles/{role}',
    query: [],
    answers: 'application/json',
  },

  updateRole: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/roles/{role}',
    query: [],
    answers: 'application/json',
  },

  deleteRole: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/roles/{role}',
    query: [],
    answers: 'application/json',
  },

  listApplicationTenantRoles: {
    method: 'GET',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/roles',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  createApplicationTenantRole: {
    method: 'POST',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/roles',
    query: [],
    answers: 'application/json',
  },

  getApplicationTenantRole: {
    method: 'GET',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/roles/{role}',
    query: [],
    answers: 'application/json',
  },

  updateApplicationTenantRole: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/roles/{role}',
    query: [],
    answers: 'application/json',
  },

  deleteApplicationTenantRole: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/roles/{role}',
    query: [],
    answers: 'application/json',
  },

  scimCreateUser: {
    method: 'POST',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Users',
    query: [],
    answers: 'application/scim+json',
  },

  scimListUsers: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Users',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  scimGetUser: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Users/{id}',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  scimReplaceUser: {
    method: 'PUT',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Users/{id}',
    query: [],
    answers: 'application/scim+json',
  },

  scimChangeUser: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Users/{id}',
    query: [],
    answers: 'application/scim+json',
  },

  scimDeleteUser: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Users/{id}',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/json',
  },

  scimCreateGroup: {
    method: 'POST',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Groups',
    query: [],
    answers: 'application/scim+json',
  },

  scimListGroups: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Groups',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  scimGetGroup: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Groups/{id}',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  scimReplaceGroup: {
    method: 'PUT',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Groups/{id}',
    query: [],
    answers: 'application/scim+json',
  },

  scimChangeGroup: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Groups/{id}',
    query: [],
    answers: 'application/scim+json',
  },

  scimDeleteGroup: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Groups/{id}',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/json',
  },

  scimGetServiceProviderConfig: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/ServiceProviderConfig',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  scimListResourceTypes: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/ResourceTypes',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  scimGetResourceType: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/ResourceTypes/{id}',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  scimListSchemas: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Schemas',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  scimGetSchema: {
    method: 'GET',
    path: '/api/tenants/{slug}/scim/{applicationTenantId}/v2/Schemas/{id}',
    query: ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
    answers: 'application/scim+json',
  },

  getPolicy: { method: 'GET', path: '/api/tenants/{slug}/policy', query: [], answers: 'application/json' },

  changePolicy: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/policy',
    query: [],
    answers: 'application/json',
  },

  getUsage: {
    method: 'GET',
    path: '/api/tenants/{slug}/usage',
    query: ['from', 'to', 'granularity'],
    answers: 'application/json',
  },

  getQuotas: { method: 'GET', path: '/api/tenants/{slug}/quotas', query: [], answers: 'application/json' },

  changeQuotas: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/quotas',
    query: [],
    answers: 'application/json',
  },

  createApiKey: {
    method: 'POST',
    path: '/api/tenants/{slug}/api-keys',
    query: [],
    answers: 'application/json',
  },

  listApiKeys: {
    method: 'GET',
    path: '/api/tenants/{slug}/api-keys',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getApiKey: {
    method: 'GET',
    path: '/api/tenants/{slug}/api-keys/{keyId}',
    query: [],
    answers: 'application/json',
  },

  revokeApiKey: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/api-keys/{keyId}',
    query: [],
    answers: 'application/json',
  },

  listKeys: { method: 'GET', path: '/api/tenants/{slug}/keys', query: [], answers: 'application/json' },

  rotateKey: {
    method: 'POST',
    path: '/api/tenants/{slug}/keys/rotate',
    query: [],
    answers: 'application/json',
  },

  revokeKey: {
    method: 'POST',
    path: '/api/tenants/{slug}/keys/{kid}/revoke',
    query: [],
    answers: 'application/json',
  },

  rotateCookieKey: {
    method: 'POST',
    path: '/api/tenants/{slug}/cookie-keys/rotate',
    query: [],
    answers: 'application/json',
  },

  revokeCookieKeys: {
    method: 'POST',
    path: '/api/tenants/{slug}/cookie-keys/revoke',
    query: [],
    answers: 'application/json',
  },

  listAudit: {
    method: 'GET',
    path: '/api/audit',
    query: ['limit', 'cursor', 'event', 'actor', 'from', 'to', 'tenantId'],
    answers: 'application/json',
  },

  verifyAudit: {
    method: 'GET',
    path: '/api/audit/verify',
    query: ['tenantId', 'chain'],
    answers: 'application/json',
  },

  exportAudit: {
    method: 'GET',
    path: '/api/audit/export',
    query: ['event', 'actor', 'from', 'to', 'tenantId', 'chain'],
    answers: 'application/x-ndjson',
  },

  listTenantAudit: {
    method: 'GET',
    path: '/api/tenants/{slug}/audit',
    query: ['limit', 'cursor', 'event', 'actor', 'from', 'to'],
    answers: 'application/json',
  },

  verifyTenantAudit: {
    method: 'GET',
    path: '/api/tenants/{slug}/audit/verify',
    query: [],
    answers: 'application/json',
  },

  exportTenantAudit: {
    method: 'GET',
    path: '/api/tenants/{slug}/audit/export',
    query: ['event', 'actor', 'from', 'to'],
    answers: 'application/x-ndjson',
  },

  listEvidenceKeys: { method: 'GET', path: '/api/evidence/jwks', query: [], answers: 'application/json' },

  getReceipt: {
    method: 'GET',
    path: '/api/tenants/{slug}/receipt',
    query: ['version'],
    answers: 'application/json',
  },

  reissueReceipt: {
    method: 'POST',
    path: '/api/tenants/{slug}/receipt/reissue',
    query: [],
    answers: 'application/json',
  },

  listActivity: {
    method: 'GET',
    path: '/api/tenants/{slug}/activity',
    query: ['limit', 'cursor', 'applicationTenant', 'kind', 'userId', 'from', 'to'],
    answers: 'application/json',
  },

  exportActivity: {
    method: 'GET',
    path: '/api/tenants/{slug}/activity/export',
    query: ['applicationTenant', 'kind', 'userId', 'from', 'to'],
    answers: 'application/x-ndjson',
  },

  getLatestReconciliation: {
    method: 'GET',
    path: '/api/reconciliation',
    query: [],
    answers: 'application/json',
  },

  startReconciliation: {
    method: 'POST',
    path: '/api/reconciliation',
    query: [],
    answers: 'application/json',
  },

  getReconciliation: {
    method: 'GET',
    path: '/api/reconciliation/{reconciliationId}',
    query: [],
    answers: 'application/json',
  },

  getTenantHealth: {
    method: 'GET',
    path: '/api/tenants/{slug}/health',
    query: [],
    answers: 'application/json',
  },

  createWebhook: { method: 'POST', path: '/api/webhooks', query: [], answers: 'application/json' },

  listWebhooks: {
    method: 'GET',
    path: '/api/webhooks',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getWebhook: { method: 'GET', path: '/api/webhooks/{webhookId}', query: [], answers: 'application/json' },

  changeWebhook: {
    method: 'PATCH',
    path: '/api/webhooks/{webhookId}',
    query: [],
    answers: 'application/json',
  },

  removeWebhook: {
    method: 'DELETE',
    path: '/api/webhooks/{webhookId}',
    query: [],
    answers: 'application/json',
  },

  enableWebhook: {
    method: 'POST',
    path: '/api/webhooks/{webhookId}/enable',
    query: [],
    answers: 'application/json',
  },

  disableWebhook: {
    method: 'POST',
    path: '/api/webhooks/{webhookId}/disable',
    query: [],
    answers: 'application/json',
  },

  rotateWebhookSecret: {
    method: 'POST',
    path: '/api/webhooks/{webhookId}/rotate-secret',
    query: [],
    answers: 'application/json',
  },

  pingWebhook: {
    method: 'POST',
    path: '/api/webhooks/{webhookId}/ping',
    query: [],
    answers: 'application/json',
  },

  listDeliveries: {
    method: 'GET',
    path: '/api/webhooks/{webhookId}/deliveries',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  redeliver: {
    method: 'POST',
    path: '/api/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver',
    query: [],
    answers: 'application/json',
  },

  createTenantWebhook: {
    method: 'POST',
    path: '/api/tenants/{slug}/webhooks',
    query: [],
    answers: 'application/json',
  },

  listTenantWebhooks: {
    method: 'GET',
    path: '/api/tenants/{slug}/webhooks',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  getTenantWebhook: {
    method: 'GET',
    path: '/api/tenants/{slug}/webhooks/{webhookId}',
    query: [],
    answers: 'application/json',
  },

  changeTenantWebhook: {
    method: 'PATCH',
    path: '/api/tenants/{slug}/webhooks/{webhookId}',
    query: [],
    answers: 'application/json',
  },

  removeTenantWebhook: {
    method: 'DELETE',
    path: '/api/tenants/{slug}/webhooks/{webhookId}',
    query: [],
    answers: 'application/json',
  },

  enableTenantWebhook: {
    method: 'POST',
    path: '/api/tenants/{slug}/webhooks/{webhookId}/enable',
    query: [],
    answers: 'application/json',
  },

  disableTenantWebhook: {
    method: 'POST',
    path: '/api/tenants/{slug}/webhooks/{webhookId}/disable',
    query: [],
    answers: 'application/json',
  },

  rotateTenantWebhookSecret: {
    method: 'POST',
    path: '/api/tenants/{slug}/webhooks/{webhookId}/rotate-secret',
    query: [],
    answers: 'application/json',
  },

  pingTenantWebhook: {
    method: 'POST',
    path: '/api/tenants/{slug}/webhooks/{webhookId}/ping',
    query: [],
    answers: 'application/json',
  },

  listTenantDeliveries: {
    method: 'GET',
    path: '/api/tenants/{slug}/webhooks/{webhookId}/deliveries',
    query: ['limit', 'cursor'],
    answers: 'application/json',
  },

  redeliverTenantDelivery: {
    method: 'POST',
    path: '/api/tenants/{slug}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver',
    query: [],
    answers: 'application/json',
  },
} as const satisfies Record<keyof Operations, OperationPlace>;

/** Every scope that an operation needs. */
export const scopes: readonly string[] = [
  'activity:read',
  'admin',
  'api-keys:read',
  'api-keys:write',
  'application-tenants:read',
  'application-tenants:write',
  'audit:read',
  'branding:read',
  'branding:write',
  'clients:read',
  'clients:write',
  'keys:read',
  'keys:write',
  'policy:read',
  'policy:write',
  'registrations:decide',
  'registrations:read',
  'resources:read',
  'resources:write',
  'scim',
  'sign-in-sources:read',
  'sign-in-sources:write',
  'tenants:export',
  'tenants:read',
  'tenants:review',
  'tenants:validate',
  'usage:read',
  'users:read',
  'users:write',
  'webhooks:read',
  'webhooks:write',
];

export interface OperationPlace {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  /** Names of the query's parameters. */
  query: readonly string[];
  /** What a successful answer is. */
  answers: string;
}
