import type { Command } from 'commander'
import { examine } from '../doctor/examine.ts'
import { exit } from '../shell.ts'
import type { CommandContext } from './context.ts'

/** `posthorn doctor`: what is wrong with this site, and what to do. */
export function addDoctorCommand(program: Command, { shell, site, finish }: CommandContext): void {
  program
    .command('doctor')
    .description(
      'examine configuration, ports, certificate, data folder, clock, relaying, names and block lists; exit code 1 when something fails',
    )
    .option('--json', 'one object a line')
    .option('--time-server <host>', 'whom to ask about the time', 'pool.ntp.org')
    .action(async (options: { json?: boolean; timeServer: string }) => {
      let failed = 0
      for await (const finding of examine(shell, site(), options.timeServer)) {
        if (finding.verdict === 'fail') failed++
        if (options.json) {
          shell.out(`${JSON.stringify(finding)}\n`)
          continue
        }
        shell.out(`${finding.verdict.padEnd(4)}  ${finding.subject}: ${finding.text}\n`)
        if (finding.remedy !== undefined) shell.out(`      → ${finding.remedy}\n`)
      }
      finish(failed === 0 ? exit.ok : exit.failure)
    })
}
