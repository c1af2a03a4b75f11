import type { SpecialUse } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, ok } from './command.ts'
import { givenName, tellNormalized } from './old-name.ts'
import { specialUses } from './special-use.ts'

/** RFC 6154 §3, RFC 4466 §2.3. */
function createParameters(p: Parser): readonly SpecialUse[] {
  if (!p.accept(' ')) return []
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
    if (uses.length > 0) await refuseSecondUse(session.store.mailboxes.list(session.account.id), uses)
    const { objectId } = await session.store.mailboxes.create(session.account.id, plain, uses)
    await tellNormalized(session, { ...given, name: name === given.asGiven ? name : plain })
    return ok('Create completed', `MAILBOXID (${objectId})`)
  },
})

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
