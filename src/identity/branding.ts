/**
 * How a tenant looks to its users: the name they know it by, its logo, its colour, the pages that it links to, and the language of whoever asks
 * for none that we speak. All of it is data with a narrow form; no markup, style or script of a tenant ever reaches a page.
 */
import { type Static, Type } from 'typebox';
import type { Table } from '../cloud/tables/port.ts';
import type { FieldError } from '../kernel/errors.ts';
import { locales } from '../web/i18n/locales.ts';
import { colourProblems } from './brand-colours.ts';
import type { Logo } from './logo.ts';

const colour = Type.String({ pattern: '^#[0-9a-f]{6}$', description: 'a colour such as #1f5a55' });
const link = Type.String({ maxLength: 500 });

/** What a tenant says of its looks; each member is optional. */
export const brandingSchema = Type.Object(
  {
    displayName: Type.Optional(
      Type.String({
        pattern: '^\\S(?:[^\\p{Cc}]{0,98}\\S)?$',
        description: '1 to 100 characters of one line',
      }),
    ),
    language: Type.Optional(Type.Enum([...locales])),
    colours: Type.Optional(
      Type.Object({ accent: colour, accentDark: Type.Optional(colour) }, { additionalProperties: false }),
    ),
    links: Type.Optional(
      Type.Object(
        { support: Type.Optional(link), privacy: Type.Optional(link), terms: Type.Optional(link) },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export type BrandingDocument = Static<typeof brandingSchema>;

export interface BrandingStore {
  get(): Promise<BrandingDocument>;
  put(document: BrandingDocument): Promise<void>;
  getLogo(): Promise<Logo | undefined>;
  putLogo(logo: Logo): Promise<void>;
  removeLogo(): Promise<void>;
}

/** What the schema cannot say: links are `https`, colours can be read. */
export function brandingProblems({ colours, links = {} }: Partial<BrandingDocument>): FieldError[] {
  const wrongLinks = Object.entries(links).filter(([, url]) => !isPlainHttps(url));
  return [
    ...colourProblems(colours ?? {}),
    ...wrongLinks.map(([name]) => ({ field: `links.${name}`, message: 'must be an https address' })),
  ];
}

/** Without credentials, which would only serve to deceive whoever reads the address. */
function isPlainHttps(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.protocol === 'https:' && url.username === '' && url.password === '';
}

const settingsKey = { pk: 'Branding', sk: 'settings' };
const logoKey = { pk: 'Branding', sk: 'logo' };

export function createBrandingStore({ table }: { table: Table }): BrandingStore {
  return {
    async get() {
      const item = await table.get(settingsKey);
      return item ? (JSON.parse(String(item.document)) as BrandingDocument) : {};
    },
    async put(document) {
      await table.put({ ...settingsKey, document: JSON.stringify(document) });
    },
    async getLogo() {
      const item = await table.get(logoKey);
      return (
        item && {
          type: item.type as Logo['type'],
          hash: String(item.hash),
          content: Buffer.from(String(item.content), 'base64'),
        }
      );
    },
    async putLogo({ type, hash, content }) {
      await table.put({ ...logoKey, type, hash, content: content.toString('base64') });
    },
    async removeLogo() {
      await table.delete(logoKey);
    },
  };
}
