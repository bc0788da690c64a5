/**
 * How sure a sign-in is: the authentication context classes (OpenID Connect Core §2, `acr`) that a tenant offers, and how they follow from
 * the methods that a person has proved (`amr`, RFC 8176).
 */

/** Weakest first. Names are part of the interface to clients. */
export const authenticationClasses = [
  /** One factor: a password, or another provider's word. */
  'urn:tenantry:acr:single-factor',
  /** Two factors of different kinds. */
  'urn:tenantry:acr:multi-factor',
  /** Two factors, of which one is a passkey, so that no look-alike page can pass them on (OpenID EAP ACR Values 1.0). */
  'phr',
] as const;

export type AuthenticationClass = (typeof authenticationClasses)[number];

export const [singleFactor, multiFactor, phishingResistant] = authenticationClasses;

/** Who proves one of these has the device. The other methods are about what a person knows, or come from another provider. */
const possession: readonly string[] = ['otp', 'hwk', 'swk'];
const passkeyMethods: readonly string[] = ['hwk', 'swk'];
/** Say something about other methods and prove nothing by themselves. */
const remarks: readonly string[] = ['user', 'mfa'];

/** The methods that a passkey's signature proves; with user verification it is two factors by itself. */
export function methodsOfPasskey({
  synced,
  userVerified,
}: {
  synced: boolean;
  userVerified: boolean;
}): string[] {
  return [synced ? 'swk' : 'hwk', 'user', ...(userVerified ? ['mfa'] : [])];
}

/** All proved methods, each once, with `mfa` when they are of two kinds. */
export function combineMethods(...proved: readonly (readonly string[])[]): string[] {
  const methods = [...new Set(proved.flat())];
  const hasDevice = methods.some((method) => possession.includes(method));
  const hasOther = methods.some((method) => !possession.includes(method) && !remarks.includes(method));
  return hasDevice && hasOther && !methods.includes('mfa') ? [...methods, 'mfa'] : methods;
}

/** The strongest class that the methods amount to. */
export function classOfMethods(amr: readonly string[]): AuthenticationClass {
  if (!combineMethods(amr).includes('mfa')) {
    return singleFactor;
  }
  return amr.some((method) => passkeyMethods.includes(method)) ? phishingResistant : multiFactor;
}

/** A stronger class satisfies a weaker one; a class that we do not offer is satisfied by nothing. */
export function satisfies(reached: string | undefined, wanted: string): boolean {
  const rank = rankOf(reached ?? singleFactor);
  return rankOf(wanted) !== -1 && rank >= rankOf(wanted);
}

/** The stronger of the two. */
export function strongerClass(one: AuthenticationClass, other: AuthenticationClass): AuthenticationClass {
  return rankOf(one) >= rankOf(other) ? one : other;
}

/** The weakest of the classes that we offer among `wanted`: whoever asks for several is content with any. */
export function weakestOffered(wanted: readonly string[]): AuthenticationClass | undefined {
  return authenticationClasses.find((offered) => wanted.includes(offered));
}

function rankOf(name: string): number {
  return (authenticationClasses as readonly string[]).indexOf(name);
}
