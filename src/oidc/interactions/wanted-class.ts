import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import {
  type AuthenticationClass,
  authenticationClasses,
  multiFactor,
  satisfies,
  singleFactor,
  strongerClass,
  weakestOffered,
} from '../../identity/authentication-level.ts';
import { isSecondFactorRequired, type SecurityPolicy } from '../../identity/security-policy.ts';
import { requiresMfa } from '../client-metadata.ts';
import type { OpenInteraction } from './interaction-pages.ts';

/** The authentication context class that a sign-in must reach, and the one that it is asked to reach if it can. */
export interface WantedClass {
  required: AuthenticationClass;
  wished: AuthenticationClass;
}

/** The reason of a prompt that asks for a stronger authentication and for nothing else. */
export const authenticationClassReason = 'authentication_class';

/**
 * Part of the prompt `login`: due while the session has not reached what the tenant's policy, the client or the request asks for (B4). The
 * first two, and an `acr` claim that is essential, must be reached; `acr_values` are a wish (OpenID Connect Core §3.1.2.1, §5.5.1.1), so
 * one attempt is made and the token tells what became of it. Classes that nobody offers cannot be wished for, and to require them is an
 * error (OpenID Connect Core Error Code unmet_authentication_requirements 1.0).
 */
export function createAuthenticationClassCheck({
  requiresSecondFactor,
}: {
  /** By the policy of whoever has a session here, or else the tenant's. */
  requiresSecondFactor: (context: KoaContextWithOIDC) => Promise<boolean>;
}): interactionPolicy.Check {
  const wantedBy = async (context: KoaContextWithOIDC) =>
    wantedClass(context, await requiresSecondFactor(context));
  return new interactionPolicy.Check(
    authenticationClassReason,
    'a stronger End-User authentication is required',
    'login_required',
    async (context) => {
      const { session, result } = context.oidc;
      const { required, wished } = await wantedBy(context);
      return !satisfies(session?.acr, result?.login ? required : wished);
    },
    async (context) => ({ [detail]: await wantedBy(context) }),
  );
}

/**
 * What the interaction's check has found, and what the policy of the person asks for, who was not known then; a sign-in of which neither asks
 * anything may be of any class.
 */
export function wantedClassOf({
  open: { interaction },
  policy,
}: {
  open: Pick<OpenInteraction, 'interaction'>;
  policy: SecurityPolicy;
}): WantedClass {
  const least = isSecondFactorRequired(policy) ? multiFactor : singleFactor;
  const found = interaction.prompt.details[detail] as WantedClass | undefined;
  return {
    required: strongerClass(least, found?.required ?? singleFactor),
    wished: strongerClass(least, found?.wished ?? singleFactor),
  };
}

const detail = 'authenticationClass';

function wantedClass({ oidc }: KoaContextWithOIDC, policyRequiresMfa: boolean): WantedClass {
  const required =
    policyRequiresMfa || (oidc.client && requiresMfa(oidc.client)) ? multiFactor : singleFactor;
  const { values, essential } = readAcrClaim(oidc.claims?.id_token?.acr);
  const asked = weakestOffered(values);
  if (essential && values.length > 0 && asked === undefined) {
    throw new errors.UnmetAuthenticationRequirements(
      `none of the requested authentication context classes is offered; offered are ${authenticationClasses.join(', ')}`,
    );
  }
  const wished = strongerClass(required, asked ?? singleFactor);
  return { required: essential ? wished : required, wished };
}

/** The request's `acr` claim; the provider has put `acr_values` there as well. */
function readAcrClaim(claim: unknown): { values: readonly string[]; essential: boolean } {
  if (typeof claim !== 'object' || claim === null) {
    return { values: [], essential: false };
  }
  const { value, values = value === undefined ? [] : [value], essential } = claim as Record<string, unknown>;
  if (!Array.isArray(values) || values.some((wanted) => typeof wanted !== 'string')) {
    throw new errors.InvalidRequest('the acr claim must be requested with strings');
  }
  return { values, essential: essential === true };
}
