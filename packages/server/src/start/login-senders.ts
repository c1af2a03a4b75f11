import type { Log } from '@posthorn/mail'
import { createTables, lookupFirst, splitListText } from '@posthorn/mta/tables'
import type { Config } from '../config/config.ts'
import { allowsAnySender } from '../config/user-lists.ts'
import { userName } from './admitted-users.ts'

/**
 * Whether a user of this machine may send as `sender` ('' = the null sender): root, too, only as the tables say. An extension
 * of the address does not matter. Throws TableError, LookupWaits. Postfix: local_login_sender_maps.
 */
export function loginSenders(config: Config, log: Log): (uid: number, sender: string) => boolean {
  if (allowsAnySender(config)) return () => true
  const { folder, environment, values } = config
  const tables = createTables({
    log,
    now: Date.now,
    unsafeFiles: values.unsafe_files,
    folder,
    environment,
  }).openAll(values.local_login_sender_maps, 'local_login_sender_maps')
  const nullKey = values.empty_address_local_login_sender_maps_lookup_key
  return (uid, sender) => {
    const found = lookupFirst(tables, userName(uid, 'uid:'))
    const address = withoutExtension(sender.toLowerCase(), values.recipient_delimiter)
    const domain = address.slice(address.lastIndexOf('@'))
    return splitListText(found ?? '').some((word) => {
      const pattern = word.toLowerCase()
      if (pattern === '*') return true
      if (address === '') return word === nullKey
      return pattern === address || (pattern.startsWith('@') && address.includes('@') && pattern === domain)
    })
  }
}

function withoutExtension(address: string, delimiters: string): string {
  const at = address.includes('@') ? address.lastIndexOf('@') : address.length
  const local = address.slice(0, at)
  const cut = [...local].findIndex((char, i) => i > 0 && delimiters.includes(char))
  return cut === -1 ? address : local.slice(0, cut) + address.slice(at)
}
