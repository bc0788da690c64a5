import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { Failure } from '../failure.ts';
import type { ListedUser, UserImport } from '../generated/api.ts';
import { collect, given, type PageOptions, withPage, withTenant, withYes } from '../options.ts';
import { saveStream } from '../save-stream.ts';
import type { Tools } from '../tools.ts';

interface OfTenant {
  tenant?: string;
}

interface OfApplicationTenant extends OfTenant {
  applicationTenant?: string;
}

interface PersonOptions extends OfApplicationTenant {
  role?: string[];
  group?: string[];
}

/** `users`: the people of a tenant and of its application tenants. */
export function usersCommand(tools: Tools): Command {
  const users = new Command('users').description('users of a tenant and of its application tenants');
  const add = (name: string, description: string) => {
    const command = withTenant(new Command(name).description(description));
    users.addCommand(command);
    return command;
  };
  const withPlace = (command: Command) =>
    command.option('-a, --application-tenant <id>', 'id or slug of the application tenant');
  const withPerson = (command: Command) =>
    withPlace(command)
      .argument('<email>')
      .argument('<name>')
      .option('--role <name>', 'a role; may be repeated', collect)
      .option('--group <id>', 'a group; may be repeated', collect);
  const personOf = (email: string, name: string, { applicationTenant, role, group }: PersonOptions) => ({
    ...given({ applicationTenant, roles: role, groups: group }),
    email,
    name,
  });

  withPlace(withPage(add('list', 'list or search them')))
    .option('--search <words>', 'beginnings of names or addresses')
    .action(async ({ tenant, ...query }: OfApplicationTenant & PageOptions & { search?: string }) => {
      const path = { slug: tools.tenant(given({ tenant })) };
      const answer = await (await tools.api()).call('listUsers', { path, query });
      tools.list(answer, answer.users, [
        ['user', ({ id }: ListedUser) => id],
        ['email', ({ email }) => email],
        ['name', ({ name }) => name],
        ['roles', ({ roles }) => roles],
        ['disabled', ({ disabled }) => (disabled ? 'yes' : 'no')],
      ]);
    });

  add('get', 'show one')
    .argument('<user-id>')
    .action(async (userId: string, options: OfTenant) => {
      const path = { slug: tools.tenant(options), userId };
      tools.show(await (await tools.api()).call('getUser', { path }));
    });

  withPerson(add('create', 'create one, without a password')).action(
    async (email: string, name: string, options: PersonOptions) => {
      const path = { slug: tools.tenant(given({ tenant: options.tenant })) };
      const body = personOf(email, name, options);
      const api = await tools.api();
      tools.show(await api.call('createUser', { path, body, idempotencyKey: tools.idempotencyKey() }));
    },
  );

  withPerson(add('invite', 'invite somebody by mail')).action(
    async (email: string, name: string, options: PersonOptions) => {
      const path = { slug: tools.tenant(given({ tenant: options.tenant })) };
      const body = personOf(email, name, options);
      const api = await tools.api();
      tools.show(await api.call('createInvitation', { path, body, idempotencyKey: tools.idempotencyKey() }));
    },
  );

  for (const [name, disabled] of [
    ['disable', true],
    ['enable', false],
  ] as const) {
    add(name, disabled ? 'disable one: it signs in nowhere' : 'let one sign in again')
      .argument('<user-id>')
      .action(async (userId: string, options: OfTenant) => {
        const path = { slug: tools.tenant(options), userId };
        const api = await tools.api();
        tools.show(await api.call('updateUser', { path, body: { disabled }, ifMatch: '*' }));
      });
  }

  add('end-sessions', 'sign one out everywhere')
    .argument('<user-id>')
    .action(async (userId: string, options: OfTenant) => {
      const path = { slug: tools.tenant(options), userId };
      tools.show(await (await tools.api()).call('endUserSessions', { path, body: {} }));
    });

  withYes(add('reset-factors', 'take the second factors of one away'))
    .argument('<user-id>')
    .action(async (userId: string, { tenant }: OfTenant) => {
      const path = { slug: tools.tenant(given({ tenant })), userId };
      tools.show(await (await tools.api()).call('resetUserFactors', { path, body: {} }));
    });

  withYes(add('delete', 'delete one'))
    .argument('<user-id>')
    .action(async (userId: string, { tenant }: OfTenant) => {
      const path = { slug: tools.tenant(given({ tenant })), userId };
      tools.show(await (await tools.api()).call('deleteUser', { path, body: {} }));
    });

  withPlace(add('import', 'create many from NDJSON or CSV, and wait for the end of it'))
    .argument('<file>', 'ends with .csv, or is NDJSON')
    .action(async (file: string, { tenant, applicationTenant }: OfApplicationTenant) => {
      const slug = tools.tenant(given({ tenant }));
      const api = await tools.api();
      const upload = {
        mediaType: file.endsWith('.csv') ? 'text/csv' : 'application/x-ndjson',
        content: await readFile(file),
      };
      const query = given({ applicationTenant });
      const begun = await api.call('importUsers', { path: { slug }, query, upload });
      const path = { slug, importId: begun.id };
      let progress: UserImport = begun;
      while (progress.state === 'waiting' || progress.state === 'running') {
        await tools.terminal.sleep(1_000);
        progress = await api.call('getUserImport', { path });
      }
      tools.show(progress);
      if (progress.failed > 0 || progress.state === 'failed') {
        const { errors } = await api.call('listUserImportErrors', { path, query: { limit: 100 } });
        const lines = errors.map(({ line, field, message }) => `  line ${line}: ${field} ${message}\n`);
        throw new Failure('refused', `Not all were imported.\n${lines.join('').trimEnd()}`);
      }
    });

  withPlace(add('export', 'all of them as NDJSON'))
    .option('-o, --output <file>', 'a new file')
    .action(async ({ tenant, applicationTenant, output }: OfApplicationTenant & { output?: string }) => {
      const path = { slug: tools.tenant(given({ tenant })) };
      const query = given({ applicationTenant });
      await saveStream(
        tools.terminal,
        await (await tools.api()).stream('exportUsers', { path, query }),
        output,
      );
    });

  return users;
}
