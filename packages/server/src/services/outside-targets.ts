import type { ConfigValues } from '../config/schema/schema.ts'
import { idOf } from './user-ids.ts'

/** Lists whose items may be alias, forward or include. */
export const outsideLists = ['allow_mail_to_commands', 'allow_mail_to_files'] as const

type Source = 'alias' | 'forward' | 'include'

/**
 * Where `|command` and `/file` may stand. A `.forward` only while they are served as somebody else than the server: who
 * writes one would otherwise be the owner of the store. Postfix: local(8) serves it as its user.
 */
export function outsideSources(values: ConfigValues, list: (typeof outsideLists)[number]): readonly Source[] {
  const words = values[list].filter((word): word is Source => /^(?:alias|forward|include)$/.test(word))
  return words.includes('forward') && runsAsServer(values)
    ? words.filter((word) => word !== 'forward')
    : words
}

/** default_privs is who this server is, once its ports are bound: under whatever name, or as a number. */
export function runsAsServer({ default_privs: privs, mail_owner: owner }: ConfigValues): boolean {
  const self = process.getuid?.()
  const server = self === 0 && owner !== '' ? uidOf(owner) : self
  return server !== undefined && uidOf(privs.split(':')[0] ?? '') === server
}

/** undefined: nobody is called so. */
function uidOf(name: string): number | undefined {
  try {
    return idOf(name, '-u')
  } catch {
    return undefined
  }
}
