import { getopt, type Options } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'

/** Postfix: sendmail(1). What is not used is accepted: a hundred programs call it with their own habits. */
const letters = 'A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:q:tvx'

/** `-q` alone runs the queue; only with something attached has it an argument. */
export function sendmailOptions(args: readonly string[], name: string, shell: Shell): Options {
  const end = args.indexOf('--')
  const isOption = (at: number) => end === -1 || at < end
  const words = args.flatMap((word, at) => {
    if (!isOption(at)) return [word]
    if (word === '-q') return ['-q0']
    return isOldVerp(args, at) ? [asVerp(word, shell)] : [word]
  })
  return getopt(words, letters, `${name} [options]`)
}

/** Once `-V` was what `-XV` is now: without a value, or with two delimiters. An ENVID is longer. */
function isOldVerp(args: readonly string[], at: number): boolean {
  const word = args[at] ?? ''
  if (!word.startsWith('-V')) return false
  return word.length === 4 || (word === '-V' && (args[at + 1]?.length === 2 || args[at + 1]?.[0] === '-'))
}

function asVerp(word: string, shell: Shell): string {
  shell.err('sendmail: warning: option -V is deprecated with Postfix 2.3; specify -XV instead\n')
  return `-X${word.slice(1)}`
}

/** What takes no recipients, as its error calls it. */
const modeNames: Readonly<Record<string, string>> = {
  d: 'daemon',
  l: 'daemon',
  i: 'alias initialization',
  p: 'display queue',
  s: 'stand-alone',
}

export function refuseRecipients(mode: string, options: Options): void {
  const name = modeNames[mode]
  if (name !== undefined && options.rest.length > 0)
    throw new CommandError(`${name} mode requires no recipient`, exit.usage)
  const isDelivery = (mode === 'm' && !options.has('q')) || mode === 'v'
  if (options.has('t') && !isDelivery)
    throw new CommandError('-t can be used only in delivery mode', exit.usage)
}
