import { dictionary } from '@zxcvbn-ts/language-common';

const common = new Set(dictionary['passwords-common']);

/** What people write in place of letters, where it makes no difference to whoever guesses. */
const disguises: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/**
 * Whether the password is one of those that are tried first (NIST SP 800-63B §3.1.1.2): on the list of common ones as it is, or after taking
 * away what policies make people add to a word: capital letters, digits and special characters at the ends, look-alikes within.
 */
export function isCommonPassword(password: string): boolean {
  const text = password.normalize('NFKC').toLowerCase();
  const word = text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  return [text, word, undisguise(text), undisguise(word)].some((candidate) => common.has(candidate));
}

function undisguise(text: string): string {
  return text.replace(/[013457@$!]/g, (character) => disguises[character] ?? character);
}
