/** For tests of commands: folders with a main.cf, and commands run in this process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCli } from './cli.ts'
import { createShellFixture } from './commands/shell-fixture.ts'

const plainMainCf = `myhostname = mail.example.org
myorigin = example.org
mydestination = $myorigin, localhost
alias_maps =
smtp_port = 0
`

export interface CliFixture {
  readonly root: string
  /** A new folder with this main.cf. */
  folder(text?: string): string
  remove(): void
}

export function createCliFixture(): CliFixture {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-cli-'))
  let count = 0
  return {
    root,
    folder(text = plainMainCf) {
      const path = join(root, String(count++))
      mkdirSync(path, { mode: 0o700 })
      writeFileSync(join(path, 'main.cf'), text)
      return path
    },
    remove: () => rmSync(root, { recursive: true }),
  }
}

/** A command in this process. */
export async function runCommand(name: string, args: readonly string[], input = '', answers: string[] = []) {
  const shell = createShellFixture({ input, answers })
  const code = await runCli(name, args, shell, async () => 42)
  return { code, out: shell.output(), err: shell.errors() }
}
