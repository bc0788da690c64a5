/** The mail port. Delivery is at least once. */
export interface Mail {
  /** A bare address; the port refuses anything with a line break. */
  to: string;
  subject: string;
  text: string;
  html?: string;
}

export interface Mailer {
  /**
   * Resolves when whoever delivers mail has taken it. `AppError('temporarily_unavailable')` when a later try may succeed; any other
   * `AppError` is about this mail and final.
   */
  send(mail: Mail): Promise<void>;
}
