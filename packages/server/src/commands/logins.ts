import { isIP } from 'node:net'
import { joinedRows, type LoginChoice, type LoginRow, loginChooser } from '@posthorn/accounts/login-rows'
import { askServer, type ControlAnswer, type ControlQuestion, successful } from './control-client.ts'
import { notRunning } from './server-control.ts'
import { CommandError, exit, type Shell } from './shell.ts'
import { locateSiteAnyhow, type SiteOptions } from './site.ts'

const maxAnswerBytes = 64 << 20

/** Accounts, or masks of them, and addresses or networks. Throws CommandError. */
export function choiceOfWords(words: readonly string[]): LoginChoice {
  const networks = words.filter((word) => isIP(word.split('/', 1)[0] ?? '') !== 0)
  const users = words.filter((word) => !networks.includes(word))
  const [[network, anotherNetwork], [user, anotherUser]] = [networks, users]
  if (anotherNetwork !== undefined || anotherUser !== undefined)
    throw new CommandError('one account and one address at most', exit.usage)
  const choice = { ...(user === undefined ? {} : { user }), ...(network === undefined ? {} : { network }) }
  try {
    loginChooser(choice)
  } catch (error) {
    if (error instanceof RangeError) throw new CommandError(error.message, exit.usage)
    throw error
  }
  return choice
}

/** Who has logged in, of all processes. Throws CommandError when no server runs. */
export async function openLogins(
  shell: Shell,
  site: SiteOptions,
  choice: LoginChoice,
): Promise<readonly LoginRow[]> {
  const { logins } = await ask(shell, site, { cmd: 'who', ...choice })
  return joinedRows(logins as readonly LoginRow[])
}

/** Ends those sessions; how many there were. Throws CommandError when no server runs. */
export async function endLogins(shell: Shell, site: SiteOptions, choice: LoginChoice): Promise<number> {
  const { count } = await ask(shell, site, { cmd: 'kick', ...choice })
  return count as number
}

async function ask(shell: Shell, site: SiteOptions, question: ControlQuestion): Promise<ControlAnswer> {
  const { folder } = locateSiteAnyhow(shell, site)
  const answer = await askServer(folder.controlSocket, question, undefined, maxAnswerBytes)
  if (answer === undefined) throw new CommandError(notRunning(shell, site))
  return successful(answer)
}
