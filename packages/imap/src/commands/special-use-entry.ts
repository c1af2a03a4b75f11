/** `/private/specialuse`: the special use of a mailbox as an annotation. RFC 6154 §4. */
import { type MailboxId, type NamedMailbox, type SpecialUse, StoreError } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import { specialUses } from './special-use.ts'

/** '' when it has none. */
export function specialUseValue({ specialUse }: NamedMailbox): string {
  return specialUse.map((use) => `\\${use}`).join(' ')
}

/** @throws Refusal USEATTR */
export async function setSpecialUse(
  { store }: SessionIn<'authenticated' | 'selected'>,
  id: MailboxId,
  value: Buffer | undefined,
): Promise<void> {
  const words = (value?.toString('latin1') ?? '').split(' ').filter((word) => word !== '')
  const uses = words.map((word): SpecialUse => {
    const use = specialUses.get(word.toUpperCase())
    if (use === undefined) throw new Refusal('USEATTR', 'Special use is not supported')
    return use
  })
  try {
    await store.mailboxes.setSpecialUse(id, [...new Set(uses)])
  } catch (error) {
    if (!(error instanceof StoreError && error.kind === 'mailbox-exists')) throw error
    throw new Refusal('USEATTR', 'Another mailbox has this special use')
  }
}
