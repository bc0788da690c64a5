/**
 * Why another system could not tell who somebody is. `message` is for the tenant's administrators and the log: it explains, and holds no
 * secret and nothing that the person typed.
 *
 * `denied`: the other system, or the person there, said no. `unavailable`: no answer in time; a retry may help. `misconfigured`: an
 * administrator has to change something, here or there. `untrusted`: an answer came and must not be believed.
 */
export class UpstreamFailure extends Error {
  readonly kind: 'denied' | 'unavailable' | 'misconfigured' | 'untrusted';

  constructor(kind: UpstreamFailure['kind'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'UpstreamFailure';
    this.kind = kind;
  }
}

/** Codes of Node's TLS errors about the other side's certificate. */
const certificateFault = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS_CERT_ALTNAME_INVALID|EPROTO|ERR_SSL/;

/** What became of a connection. */
export function connectionFailure(cause: unknown, timedOut: boolean): UpstreamFailure {
  if (cause instanceof UpstreamFailure) {
    return cause;
  }
  const code = String((cause as { code?: unknown } | undefined)?.code ?? '');
  if (certificateFault.test(code)) {
    return new UpstreamFailure(
      'misconfigured',
      `TLS failed: the certificate is not one to trust (${code}).`,
      cause,
    );
  }
  if (timedOut) {
    return new UpstreamFailure('unavailable', 'It took too long to answer.', cause);
  }
  return new UpstreamFailure(
    'unavailable',
    `The connection failed${code === '' ? '' : ` (${code})`}.`,
    cause,
  );
}
