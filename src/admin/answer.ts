/** What a handler answers: JSON, unless its headers say otherwise. */
export interface Answer {
  status: number;
  body: object;
  headers?: Readonly<Record<string, string>>;
  /** What a repeated request gets instead of `body`, when that shows a secret once. */
  replayBody?: object;
  /** Runs once the answer's transaction has been committed, and before the answer is sent. Never rejects. */
  afterCommit?: () => void | Promise<void>;
  /** Runs after that. What is sent in place of this answer, where only what follows the commit shows what is true. Never rejects. */
  restate?: () => Promise<Answer>;
}
