import { Command, CommanderError } from 'commander'
import { exit, type Shell } from '../shell.ts'
import type { CommandContext } from './context.ts'
import type { StartServer } from './server.ts'

type Add = (program: Command, context: CommandContext, startServer: StartServer) => void

/** In the order of the help. The server itself is started by one of them, and must not carry the others along. */
const groups: readonly { readonly names: readonly string[]; readonly load: () => Promise<Add> }[] = [
  {
    names: ['start', 'stop', 'reload', 'status', 'check'],
    load: async () => (await import('./server.ts')).addServerCommands,
  },
  { names: ['who', 'kick'], load: async () => (await import('./who.ts')).addLoginCommands },
  { names: ['user'], load: async () => (await import('./user.ts')).addUserCommands },
  { names: ['domain'], load: async () => (await import('./domain.ts')).addDomainCommands },
  { names: ['mailbox'], load: async () => (await import('./mailbox.ts')).addMailboxCommands },
  { names: ['acl'], load: async () => (await import('./acl.ts')).addAclCommands },
  { names: ['group'], load: async () => (await import('./group.ts')).addGroupCommands },
  { names: ['import'], load: async () => (await import('./import.ts')).addImportCommands },
  { names: ['export'], load: async () => (await import('./export.ts')).addExportCommands },
  { names: ['greylist'], load: async () => (await import('./greylist.ts')).addGreylistCommands },
  { names: ['screen'], load: async () => (await import('./screen.ts')).addScreenCommand },
  { names: ['store'], load: async () => (await import('./store.ts')).addStoreCommands },
  { names: ['doctor'], load: async () => (await import('./doctor.ts')).addDoctorCommand },
  { names: ['explain'], load: async () => (await import('./explain.ts')).addExplainCommand },
  { names: ['stats'], load: async () => (await import('./stats.ts')).addStatsCommand },
  { names: ['log'], load: async () => (await import('./log.ts')).addLogCommand },
  { names: ['files'], load: async () => (await import('./files.ts')).addFilesCommand },
]

/** All of them for a word that is none of their names: the help, or a typo to be explained. */
function groupsFor(args: readonly string[]): typeof groups {
  const word = args.find((one, at) => !one.startsWith('-') && !/^(?:-c|--config)$/.test(args[at - 1] ?? ''))
  const found = groups.filter(({ names }) => names.some((name) => name === word))
  return found.length === 0 ? groups : found
}

/** `posthorn …`. Resolves with the exit code; 64 for a wrong use. */
export async function posthorn(
  args: readonly string[],
  shell: Shell,
  startServer: StartServer,
): Promise<number> {
  let code: number = exit.ok
  const program = new Command('posthorn')
    .description('SMTP, POP3 and IMAP in one server')
    .option('-c, --config <file>', 'main.cf, or its folder')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({ writeOut: (text) => shell.out(text), writeErr: (text) => shell.err(text) })
    .addHelpText('after', `\nThe commands of Postfix and Dovecot are there too: ${programNames}`)
  const context: CommandContext = {
    shell,
    site: () => ({ config: program.opts<{ config?: string }>().config }),
    finish: (to) => {
      code = to
    },
  }
  for (const { load } of groupsFor(args)) (await load())(program, context, startServer)
  inherit(program)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? exit.ok : exit.usage
  }
}

const programNames =
  'postconf, postfix, postqueue, mailq, postcat, postsuper,\nnewaliases, postalias, postmap, postlog, postlock, postmulti, qshape, mailstats, sendmail, doveconf,\ndoveadm, dovecot'

/** Subcommands do not take these over from the program by themselves. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    inherit(child)
  }
}
