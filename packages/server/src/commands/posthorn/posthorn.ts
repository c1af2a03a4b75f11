import { Command, CommanderError } from 'commander'
import { exit, type Shell } from '../shell.ts'
import { addAclCommands } from './acl.ts'
import type { CommandContext } from './context.ts'
import { addDoctorCommand } from './doctor.ts'
import { addDomainCommands } from './domain.ts'
import { addExplainCommand } from './explain.ts'
import { addExportCommands } from './export.ts'
import { addFilesCommand } from './files.ts'
import { addGreylistCommands } from './greylist.ts'
import { addGroupCommands } from './group.ts'
import { addImportCommands } from './import.ts'
import { addLogCommand } from './log.ts'
import { addMailboxCommands } from './mailbox.ts'
import { addServerCommands, type StartServer } from './server.ts'
import { addStatsCommand } from './stats.ts'
import { addStoreCommands } from './store.ts'
import { addUserCommands } from './user.ts'

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
  addServerCommands(program, context, startServer)
  addUserCommands(program, context)
  addDomainCommands(program, context)
  addMailboxCommands(program, context)
  addAclCommands(program, context)
  addGroupCommands(program, context)
  addImportCommands(program, context)
  addExportCommands(program, context)
  addGreylistCommands(program, context)
  addStoreCommands(program, context)
  addDoctorCommand(program, context)
  addExplainCommand(program, context)
  addStatsCommand(program, context)
  addLogCommand(program, context)
  addFilesCommand(program, context)
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
  'postconf, postfix, postqueue, mailq, postcat, postsuper,\nnewaliases, postalias, postmap, postlog, postlock, postmulti, mailstats, sendmail, doveconf, dovecot'

/** Subcommands do not take these over from the program by themselves. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    inherit(child)
  }
}
