import { type Mailbox, normalizeName, type SpecialUse } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, ok } from './command.ts'
import { findMailbox, noPermission } from './find-mailbox.ts'
import { parentsOf } from './list-names.ts'
import { givenName, tellNormalized } from './old-name.ts'
import { type NamePlace, otherUsers, placeOfName } from './other-users.ts'
import { specialUses } from './special-use.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

/** RFC 6154 §3, RFC 4466 §2.3. */
function createParameters(p: Parser): readonly SpecialUse[] {
  if (!p.acceptSp()) return []
  const uses: SpecialUse[] = []
  p.nonEmptyList(() => {
    if (p.keyword() !== 'USE') throw new SyntaxFault('Unknown parameter')
    p.sp().list(() => {
      const use = specialUses.get(p.flag().toUpperCase())
      if (use === undefined) throw new Refusal('USEATTR', 'Special use is not supported')
      uses.push(use)
    })
  })
  return uses
}

/** RFC 9051 §6.3.4, MAILBOXID RFC 8474 §4.1. */
export const create = command({
  name: 'CREATE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['CREATE-SPECIAL-USE', 'OBJECTID'],
  args: (p) => ({ given: givenName(p.sp()), uses: createParameters(p) }),
  async run(session, { given, uses }) {
    const { name } = given
    // A trailing separator says that children will come (RFC 3501 §6.3.3); every name may have them.
    const plain = name.endsWith('/') ? name.slice(0, -1) : name
    session.notices?.ownNames(plain, ...parentsOf(plain))
    const { objectId } = await createMailbox(session, plain, uses)
    await tellNormalized(session, { ...given, name: name === given.asGiven ? name : plain })
    return ok('Create completed', `MAILBOXID (${objectId})`)
  },
})

async function createMailbox(session: LoggedIn, name: string, uses: readonly SpecialUse[]): Promise<Mailbox> {
  const { mailboxes } = session.store
  const place = await placeForNew(session, name)
  if (uses.length > 0) {
    if (place.owner !== session.account.id)
      throw new Refusal('USEATTR', 'Special uses are for mailboxes of your own')
    await refuseSecondUse(mailboxes.list(place.owner), uses)
  }
  return mailboxes.create(place.owner, place.name, uses)
}

/**
 * Where a new name of the client goes: RFC 4314 §4 wants "k" on the nearest parent there is.
 * @throws Refusal NOPERM, CANNOT
 */
export async function placeForNew(session: LoggedIn, name: string): Promise<NamePlace> {
  if (name === otherUsers) throw new Refusal('CANNOT', 'This name stands for the mailboxes of others')
  // Of a name that cannot be, no parent is looked for: it may have thousands.
  normalizeName(name)
  const place = await placeOfName(session, name)
  if (place?.owner === session.account.id) {
    await requireCreate(session, name, 'top level too')
    return place
  }
  // Nobody of that name, or nobody who lets this user make anything there: the same answer.
  if (place === undefined || place.name === '') throw noPermission()
  await requireCreate(session, name, 'below a parent only')
  return place
}

async function requireCreate(
  session: LoggedIn,
  name: string,
  where: 'top level too' | 'below a parent only',
): Promise<void> {
  for (const parent of parentsOf(name)) {
    const found = await findMailbox(session, parent)
    if (found === undefined) continue
    if (found.rights.includes('k')) return
    throw noPermission()
  }
  if (where === 'below a parent only') throw noPermission()
}

/** Two mailboxes for sent mail would leave clients to guess. RFC 6154 §3: USEATTR. */
async function refuseSecondUse(
  mailboxes: Promise<readonly { readonly specialUse: readonly SpecialUse[] }[]>,
  uses: readonly SpecialUse[],
): Promise<void> {
  for (const { specialUse } of await mailboxes) {
    if (uses.some((use) => specialUse.includes(use)))
      throw new Refusal('USEATTR', 'Another mailbox has this special use')
  }
}
