import { Argument, Command } from 'commander';
import type { Tools } from '../tools.ts';

/** Each asks the hidden command `complete` with the words so far. */
const scripts = {
  bash: `_tenantry() {
  mapfile -t COMPREPLY < <(tenantry complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _tenantry tenantry
`,
  zsh: `#compdef tenantry
_tenantry() {
  local -a candidates
  candidates=("\${(@f)$(tenantry complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $candidates
}
compdef _tenantry tenantry
`,
  fish: `complete -c tenantry -f -a '(tenantry complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
} as const;

/** Adds `completion`, and the hidden command behind it. */
export function addCompletion(program: Command, { terminal }: Tools): void {
  const completion = new Command('completion')
    .description('print a script that completes commands: eval "$(tenantry completion bash)"')
    .addArgument(new Argument('<shell>').choices(Object.keys(scripts)))
    .action((shell: keyof typeof scripts) => terminal.out(scripts[shell]));

  const complete = new Command('complete').argument('[words...]').action((words: string[]) => {
    terminal.out(
      candidatesFor(program, words)
        .map((candidate) => `${candidate}\n`)
        .join(''),
    );
  });
  program.addCommand(completion);
  program.addCommand(complete, { hidden: true });
}

/** What the last of the words can become: commands, options and their choices. */
export function candidatesFor(program: Command, words: readonly string[]): string[] {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  let command = program;
  for (const word of before) {
    command = command.commands.find((one) => one.name() === word) ?? command;
  }
  const options = [...command.options, ...(command === program ? [] : program.options)];
  const choosing = options.find(
    ({ long, short }) => before.length > 0 && [long, short].includes(before.at(-1)),
  );
  if (choosing?.required === true) {
    return (choosing.argChoices ?? []).filter((choice) => choice.startsWith(last));
  }
  const names = command.commands.map((one) => one.name()).filter((name) => name !== 'complete');
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const flags = last.startsWith('-') ? [...options.map(({ long }) => long ?? ''), '--help'] : [];
  return [...names, ...choices, ...flags].filter((candidate) => candidate.startsWith(last));
}
