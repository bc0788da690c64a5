/** The views that a browser of this spec has been shown and that were looked at. */
export const seenViews = new Set<string>();
