/** Names of the members in which the two differ. */
export function changedMembers(before: object, after: object): string[] {
  const former = valuesOf(before);
  const latter = valuesOf(after);
  return [...new Set([...former.keys(), ...latter.keys()])].filter(
    (name) => former.get(name) !== latter.get(name),
  );
}

function valuesOf(document: object): Map<string, string> {
  return new Map(Object.entries(document).map(([name, value]) => [name, JSON.stringify(value)]));
}
