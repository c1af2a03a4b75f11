import type { Pop3Options } from '../session/options.ts'
import type { Command } from '../session/session.ts'
import { auth } from './auth.ts'
import { capa } from './capa.ts'
import { dele } from './dele.ts'
import { lang } from './lang.ts'
import { last } from './last.ts'
import { list } from './list.ts'
import { noop } from './noop.ts'
import { pass } from './pass.ts'
import { quit } from './quit.ts'
import { retr } from './retr.ts'
import { rset } from './rset.ts'
import { stat } from './stat.ts'
import { stls } from './stls.ts'
import { top } from './top.ts'
import { uidl } from './uidl.ts'
import { user } from './user.ts'
import { utf8 } from './utf8.ts'

/** Every command, by its keyword; CAPA asks it in this order. */
export const commandTable: ReadonlyMap<string, Command> = new Map(
  [top, uidl, stls, user, pass, auth, utf8, lang, capa, stat, list, retr, dele, rset, noop, last, quit].map(
    (command) => [command.name, command],
  ),
)

export function findCommand(keyword: string, options: Pop3Options): Command | undefined {
  const command = commandTable.get(keyword)
  return command === last && options.last === 'unknown' ? undefined : command
}
