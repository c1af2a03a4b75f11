/**
 * Writes the names of all parameters of Postfix and Dovecot, from the programs on this machine, so that a
 * real one that we do not have is told apart from a typing error. Run by hand when they have new releases.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const target = new URL('../packages/server/src/config/known-parameters.generated.ts', import.meta.url)

/** Debian's master.cf has services that make parameters of their own. */
const transports = /^(bsmtp|ifmail|maildrop|mailman|scalemail-backend|uucp)_/

function namesOf(program: string, args: readonly string[]): readonly string[] {
  const text = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const names = [...text.matchAll(/^([A-Za-z0-9_-]+) =/gm)].map((match) => match[1] ?? '')
  return [...new Set(names)].filter((name) => !transports.test(name)).sort()
}

function wrapped(names: readonly string[]): string {
  const lines: string[] = []
  let line = ''
  for (const name of names) {
    if (line.length + name.length > 100) {
      lines.push(line)
      line = ''
    }
    line += `${line === '' ? '' : ' '}${name}`
  }
  return [...lines, line].join('\n')
}

const postfix = namesOf('postconf', ['-d'])
const dovecot = namesOf('doveconf', ['-a'])
writeFileSync(
  target,
  `/* Made by scripts/gen-known-parameters.ts: names only. */\n
export const postfixParameters: ReadonlySet<string> = new Set(\`
${wrapped(postfix)}\`.trim().split(/\\s+/))\n
export const dovecotParameters: ReadonlySet<string> = new Set(\`
${wrapped(dovecot)}\`.trim().split(/\\s+/))
`,
)
console.log(`${postfix.length} names of Postfix, ${dovecot.length} of Dovecot`)
