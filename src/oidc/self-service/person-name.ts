/** One line of 1 to 100 characters, with something to read in it, and nothing that turns the text around it. */
export function isPersonName(text: string): boolean {
  return (
    text === text.trim() &&
    [...text].length <= 100 &&
    /[\p{L}\p{N}]/u.test(text) &&
    !/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u.test(text)
  );
}
