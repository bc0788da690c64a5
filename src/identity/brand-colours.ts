import type { FieldError } from '../kernel/errors.ts';
import { contrastRatio, type HexColour, mix } from './contrast.ts';

/** Of buttons, links and marks. */
export interface BrandColours {
  accent: HexColour;
  /** In the dark scheme; made from `accent` when absent. */
  accentDark?: HexColour;
}

/** What an accent stands on, and what stands on it, in each scheme of `views/assets/tenantry.css`. */
export const surroundings = {
  light: { card: '#ffffff', onAccent: '#ffffff' },
  dark: { card: '#181f1e', onAccent: '#0b1e1b' },
} as const;

type Scheme = keyof typeof surroundings;

/** WCAG 2.2 AA for text. */
const neededRatio = 4.5;

/** Colours that somebody could not read: each with the ratio that it has and the one that it needs. */
export function colourProblems({ accent, accentDark }: Partial<BrandColours>): FieldError[] {
  const given = [
    ['colours.accent', accent, 'light'],
    ['colours.accentDark', accentDark, 'dark'],
  ] as const;
  return given.flatMap(([field, colour, scheme]) => {
    const ratio = colour === undefined ? neededRatio : weakestRatio(colour, scheme);
    return ratio >= neededRatio
      ? []
      : [
          {
            field,
            // Rounded down: a ratio that is just too small must not look as if it were enough.
            message: `has the contrast ${(Math.floor(ratio * 100) / 100).toFixed(2)} in the ${scheme} scheme and needs ${neededRatio}`,
          },
        ];
  });
}

/** The style sheet that puts the colours in the place of ours. */
export function brandStylesheet({ accent, accentDark = lightened(accent) }: BrandColours): string {
  return `:root{${rules(accent, 'light')}}\n@media (prefers-color-scheme: dark){:root{${rules(accentDark, 'dark')}}}\n`;
}

function rules(accent: HexColour, scheme: Scheme): string {
  const { card, onAccent } = surroundings[scheme];
  // Away from the card, so that the contrast only grows.
  const strong = mix(accent, card === '#ffffff' ? '#000000' : '#ffffff', 0.15);
  return `--accent:${accent};--accent-strong:${strong};--on-accent:${onAccent};--ring:${accent};--mark:${accent};--on-mark:${onAccent}`;
}

function weakestRatio(colour: HexColour, scheme: Scheme): number {
  const { card, onAccent } = surroundings[scheme];
  return Math.min(contrastRatio(colour, card), contrastRatio(colour, onAccent));
}

/** The first tint of the colour that can be read in the dark scheme; white always can. */
function lightened(accent: HexColour): HexColour {
  for (let share = 0; share < 1; share += 0.05) {
    const tint = mix(accent, '#ffffff', share);
    if (weakestRatio(tint, 'dark') >= neededRatio) {
      return tint;
    }
  }
  return '#ffffff';
}
