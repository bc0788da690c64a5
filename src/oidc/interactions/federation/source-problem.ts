import type { Context } from 'koa';
import type { UpstreamFailure } from '../../../cloud/upstream-failure.ts';
import type { FederatedRefusal } from '../../../identity/federated-sign-in.ts';
import type { Render } from '../../../web/render.ts';
import type { OpenInteraction } from '../interaction-pages.ts';
import { sendPage } from '../page-response.ts';

/** `stale`: the sign-in there is older than is asked for. `timeless`: it does not say how old. */
export type SourceProblem = UpstreamFailure['kind'] | FederatedRefusal | 'network' | 'stale' | 'timeless';

const statusOf: Readonly<Record<SourceProblem, number>> = {
  denied: 403,
  unavailable: 503,
  misconfigured: 502,
  untrusted: 502,
  address: 403,
  unknown: 403,
  disabled: 403,
  network: 403,
  stale: 403,
  timeless: 403,
};

/** Says that a sign-in source led nowhere, as far as the person can do something about it; the log knows more. */
export function createSourceProblemPage({ render }: { render: Render }) {
  return (
    context: Context,
    open: OpenInteraction,
    {
      problem,
      sourceName,
      againUrl,
    }: {
      problem: SourceProblem;
      sourceName: string;
      /** Where to sign in there once more. */
      againUrl?: string;
    },
  ): void => {
    const { t } = open.look.texts;
    const back = { url: open.pageUrl(), label: t('federation.try-again') };
    const html = render(
      'message',
      {
        title: t('federation.problem-title'),
        text:
          problem === 'network'
            ? t('sign-in.wrong-network')
            : t(`federation.${problem}`, { source: sourceName }),
        ...(againUrl === undefined
          ? { goOn: back }
          : { goOn: { url: againUrl, label: t('federation.sign-in-again', { source: sourceName }) }, back }),
      },
      open.look,
    );
    sendPage(context, html, { status: statusOf[problem], formTarget: open.redirectUri });
  };
}
