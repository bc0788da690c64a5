import { createAnswerCheck, type InspectAnswer } from '../../src/admin/check-answer.ts';

/** Turns an answer of the admin API that does not fit its schema into a 500, and says on the terminal why: the answer itself shows nothing. */
export function inspectAnswers(): InspectAnswer {
  const check = createAnswerCheck();
  return (route, answer) => {
    try {
      check(route, answer);
    } catch (error) {
      process.stderr.write(`${(error as Error).message}\n`);
      throw error;
    }
  };
}
