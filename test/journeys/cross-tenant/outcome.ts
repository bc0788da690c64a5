import type { Artifact, ArtifactName } from './artifacts.ts';
import type { Party } from './party.ts';
import type { Answer } from './requests.ts';

export interface Outcome {
  status: number;
  accepted: boolean;
}

export interface Endpoint {
  name: string;
  takes: readonly ArtifactName[];
  /** Belongs to no tenant, so it can only be used at home. */
  shared?: true;
  /** Presents what `owner` issued to `at`. */
  present(at: Party, artifact: Artifact, owner: Party): Promise<Outcome>;
}

export function okOutcome({ status }: Pick<Answer, 'status'>): Outcome {
  return { status, accepted: status >= 200 && status < 300 };
}

export function codeOutcome(answer: Answer): Outcome {
  return { status: answer.status, accepted: isRedirectTo(answer, '?code=') };
}

export function isRedirectTo({ status, location }: Answer, part: string): boolean {
  return status === 303 && location.includes(part);
}
