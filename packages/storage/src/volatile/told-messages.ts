import type { MailboxId } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import { change } from './change.ts'

const keyOf = (mailbox: number): Buffer => {
  const key = Buffer.from('r\0\0\0\0')
  key.writeUInt32BE(mailbox, 1)
  return key
}

/** Up to which UID sessions of whatever process were told of a mailbox's messages as \Recent; forgotten with the boot. */
export class ToldMessages {
  readonly #environment: Environment

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** See `MailboxStore.claimTold`. Throws 'no-space', 'read-only'. */
  claim(mailbox: MailboxId, first: number, last: number): number {
    const key = keyOf(mailbox)
    let from = first
    change(this.#environment, () => {
      const told = this.#environment.getBinary(key)?.readUInt32BE(0) ?? 0
      from = Math.max(first, told + 1)
      if (last <= told) return
      const row = Buffer.alloc(4)
      row.writeUInt32BE(last)
      this.#environment.putSync(key, row)
    })
    return from
  }
}
