import { encode } from 'uqr';

/** A QR code as one SVG path in a square of `size` units, light border included. */
export interface QrPicture {
  size: number;
  path: string;
}

/** Nothing of the text itself is in the picture's markup, only where its dark squares are. */
export function createQrPicture(text: string): QrPicture {
  // Four light modules around it (ISO/IEC 18004 §6.3.8), or cameras do not find it.
  const { size, data } = encode(text, { ecc: 'M', border: 4 });
  const squares = data.flatMap((row, y) =>
    row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])),
  );
  return { size, path: squares.join('') };
}
