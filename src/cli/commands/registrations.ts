import { Command, Option } from 'commander';
import type { Operations, RegistrationForTeam } from '../generated/api.ts';
import { given, type PageOptions, withPage } from '../options.ts';
import type { Tools } from '../tools.ts';

type Status = RegistrationForTeam['status'];

/** `registrations`: requests for tenants, and the decisions about them. */
export function registrationsCommand(tools: Tools): Command {
  const registrations = new Command('registrations').description('requests for tenants');
  const add = (name: string, description: string) => {
    const command = new Command(name).description(description);
    registrations.addCommand(command);
    return command;
  };

  withPage(add('list', 'list them in the order in which they came'))
    .addOption(
      new Option('--status <status>', 'only these').choices([
        'Submitted',
        'In-Process',
        'Approved',
        'Disapproved',
      ]),
    )
    .action(async (query: PageOptions & { status?: Status }) => {
      const answer = await (await tools.api()).call('listRegistrations', { query });
      tools.list(answer, answer.registrations, [
        ['order', ({ orderId }: RegistrationForTeam) => orderId],
        ['slug', ({ slug }) => slug],
        ['status', ({ status }) => status],
        ['requester', ({ requester }) => requester.email],
        ['submitted', ({ submittedAt }) => submittedAt],
      ]);
    });

  add('get', 'follow one')
    .argument('<order-id>')
    .action(async (orderId: string) =>
      tools.show(await (await tools.api()).call('getRegistration', { path: { orderId } })),
    );

  add('submit', 'request a tenant; needs no sign-in')
    .argument('<name>', "the tenant's display name")
    .requiredOption('--requester-name <name>', 'who asks')
    .requiredOption('--requester-email <address>', 'becomes the initial admin')
    .option('--slug <slug>', 'its identifier; made from the name when absent')
    .option('--purpose <text>', 'for whoever decides')
    .option('--file <path>', 'further fields as JSON (- for the input)')
    .action(
      async (
        name: string,
        options: {
          requesterName: string;
          requesterEmail: string;
          slug?: string;
          purpose?: string;
          file?: string;
        },
      ) => {
        const { requesterName, requesterEmail, file, ...rest } = options;
        const fields = file === undefined ? {} : await tools.readJson(file);
        const requester = { name: requesterName, email: requesterEmail };
        const body = {
          ...fields,
          ...given(rest),
          name,
          requester,
        } as Operations['submitRegistration']['body'];
        const api = await tools.api();
        tools.show(await api.call('submitRegistration', { body, idempotencyKey: tools.idempotencyKey() }));
      },
    );

  add('approve', 'approve one: its tenant is provisioned')
    .argument('<order-id>')
    .option('--comment <text>', 'for the requester')
    .action(async (orderId: string, body: { comment?: string }) =>
      tools.show(await (await tools.api()).call('approveRegistration', { path: { orderId }, body })),
    );

  add('disapprove', 'disapprove one: its slug is free again')
    .argument('<order-id>')
    .requiredOption('--reason <text>', 'for the requester')
    .action(async (orderId: string, body: { reason: string }) =>
      tools.show(await (await tools.api()).call('disapproveRegistration', { path: { orderId }, body })),
    );

  return registrations;
}
