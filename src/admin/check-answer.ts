import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { Answer } from './answer.ts';
import type { AnswerHeader } from './answer-schema.ts';
import type { Route } from './route.ts';

/** Sees every answer of the API before it is sent. What it throws is answered in its place. */
export type InspectAnswer = (route: Route, answer: Answer) => void;

const documentedHeaders: readonly AnswerHeader[] = ['ETag', 'Location'];

/**
 * Throws when a route answers what it does not say that it does: another status, a body that its schema refuses, a header too few or too many.
 * Not used in production, where an answer that nobody foresaw is still better than none; tests give it to the server that they start.
 */
export function createAnswerCheck(): InspectAnswer {
  const ajv = new Ajv({ allErrors: true, verbose: true });
  addFormats.default(ajv);
  const compiled = new Map<object, ValidateFunction>();

  return ({ method, path, answers }, { status, body, headers = {} }) => {
    const refuse = (what: string) => {
      throw new Error(`${method} ${path} answers ${status} ${what}`);
    };
    const expected = answers[status];
    if (expected === undefined) {
      return refuse('without a schema for it');
    }
    for (const header of documentedHeaders) {
      if (expected.headers.includes(header) !== header in headers) {
        refuse(`${header in headers ? 'with' : 'without'} ${header}, not as it says`);
      }
    }
    if (expected.mediaType !== 'application/json' && expected.mediaType !== 'application/scim+json') {
      // A stream is read only once, by the client; of a page there is nothing to say.
      return;
    }
    const fits = compiled.get(expected.schema) ?? ajv.compile(expected.schema);
    compiled.set(expected.schema, fits);
    if (!fits(JSON.parse(JSON.stringify(body)))) {
      refuse(`against its schema: ${ajv.errorsText(fits.errors)} in ${JSON.stringify(body)}`);
    }
  };
}
