import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { AppError } from '../../kernel/errors.ts';
import { networkOf, type ReadClientIp } from '../../web/client-ip.ts';
import type { MessageKey } from '../../web/i18n/texts.ts';
import type { LookFor } from '../../web/page-look.ts';
import type { RateLimit } from '../../web/rate-limit.ts';
import type { Render } from '../../web/render.ts';
import type { DevicePages } from '../tenant-pages.ts';
import { sendPage } from './page-response.ts';

/** What the person beside a device sees (RFC 8628 §3.3): where they type its code, compare it, and learn that it is connected. */
export function createDevicePages({ render, lookFor }: { render: Render; lookFor: LookFor }): DevicePages {
  const look = (context: KoaContextWithOIDC) => lookFor(context, context.oidc.params?.ui_locales);

  return {
    async userCodeInputSource(context, _form, _out, error) {
      const { texts, ...rest } = look(context);
      const page = {
        ...formOf(context),
        userCode: offeredCodes.get(context) ?? '',
        ...(error === undefined ? {} : { error: texts.t(complaints[error.name] ?? 'device.failed') }),
      };
      sendPage(context, render('device-code', page, { texts, ...rest }), { status: context.status });
    },

    async userCodeConfirmSource(context, _form, client, _deviceInfo, userCode) {
      const page = { ...formOf(context), clientName: client.clientName ?? client.clientId, userCode };
      sendPage(context, render('device-confirm', page, look(context)));
    },

    async successSource(context) {
      const { client } = context.oidc;
      const page = { clientName: client?.clientName ?? client?.clientId ?? '' };
      sendPage(context, render('device-done', page, look(context)));
    },
  };
}

/** By the names of the provider's errors. */
const complaints: Readonly<Record<string, MessageKey>> = {
  NoCodeError: 'device.wrong',
  NotFoundError: 'device.wrong',
  ExpiredError: 'device.wrong',
  AlreadyUsedError: 'device.used',
  AbortedError: 'device.aborted',
};

/** Codes that came with the address of the page, by request. */
const offeredCodes = new WeakMap<object, string>();

/**
 * Guards the page on which codes are typed: nobody tries out codes (RFC 8628 §5.1), and a code that comes with the address (§3.3.1) is only
 * put into the field. The provider would send it on by a script, which none of our pages runs.
 */
export function installDeviceGuard(
  provider: Provider,
  {
    limit,
    readClientIp,
    render,
    lookFor,
    tenantId,
  }: {
    limit: Pick<RateLimit, 'take'>;
    readClientIp: ReadClientIp;
    render: Render;
    lookFor: LookFor;
    tenantId: string;
  },
): void {
  provider.use(async (context: KoaContextWithOIDC, next: () => Promise<void>) => {
    if (context.path !== '/device') {
      return next();
    }
    if (context.method === 'GET') {
      const { user_code: userCode, ...query } = context.query;
      if (typeof userCode === 'string') offeredCodes.set(context, userCode.slice(0, 20));
      context.query = query;
      return next();
    }
    try {
      await limit.take(`${tenantId} ${networkOf(readClientIp(context.req))}`);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'rate_limited')) {
        throw error;
      }
      const look = lookFor(context);
      const { t } = look.texts;
      const page = { title: t('device.too-many-title'), text: t('device.too-many') };
      context.set(error.headers);
      sendPage(context, render('message', page, look), { status: error.status });
      return;
    }
    return next();
  });
}

function formOf({ oidc }: KoaContextWithOIDC): { action: string; csrf: string } {
  return { action: oidc.urlFor('code_verification'), csrf: String(oidc.session?.state?.secret ?? '') };
}
