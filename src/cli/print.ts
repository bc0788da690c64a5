/** How a list is shown to people: heading and cell of each column. */
export type Columns<Row> = readonly (readonly [heading: string, cell: (row: Row) => unknown])[];

/** A table with aligned columns, or a word when there is nothing. */
export function formatTable<Row>(rows: readonly Row[], columns: Columns<Row>): string {
  if (rows.length === 0) {
    return 'None.\n';
  }
  const cells = rows.map((row) => columns.map(([, cell]) => inWords(cell(row))));
  const lines = [columns.map(([heading]) => heading.toUpperCase()), ...cells];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** The members of one thing, a line each; what is inside it is indented. */
export function formatRecord(record: object, indent = ''): string {
  return Object.entries(record)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      if (Array.isArray(value) && value.some((item) => typeof item === 'object')) {
        const items = value.map((item) =>
          formatRecord(item as object, `${indent}    `).replace(/^(\s*) {2}/, '$1- '),
        );
        return `${indent}${name}:\n${items.join('')}`;
      }
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        return `${indent}${name}:\n${formatRecord(value, `${indent}  `)}`;
      }
      return `${indent}${name}: ${inWords(value)}\n`;
    })
    .join('');
}

function inWords(value: unknown): string {
  if (value === undefined || value === null) {
    return '-';
  }
  const text = Array.isArray(value) ? value.join(', ') : String(value);
  // What comes from elsewhere must not steer the terminal.
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
}
