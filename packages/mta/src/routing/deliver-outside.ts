import type { AliasTarget } from './alias-value.ts'
import type { Gathering, Walk } from './expansion.ts'
import { formatOwned, ownedTransports } from './owned-target.ts'
import { type ReachParts, reach } from './reach.ts'

type OutsideTarget = Extract<AliasTarget, { kind: 'command' | 'file' }>

/** aliases(5) `|command` and `/file`: off unless configured; a target that is refused does not undo the others. */
export function deliverOutside(
  { options }: ReachParts,
  target: OutsideTarget,
  walk: Walk,
  gathering: Gathering,
  warn: (text: string) => void,
): void {
  const { kind } = target
  const what = kind === 'command' ? target.command : target.path
  const allowed = kind === 'command' ? options.allowMailToCommands : options.allowMailToFiles
  if (what === '/dev/null') {
    gathering.served++
    return
  }
  if (walk.from === 'envelope' || !(allowed ?? []).includes(walk.from)) {
    warn(`mail to ${kind} is restricted: ${JSON.stringify(what)}; target ignored`)
    gathering.refused = { status: '5.7.1', text: `mail to ${kind} is restricted` }
    return
  }
  const uid = walk.ownerUid
  const transport =
    uid === undefined
      ? { transport: kind === 'command' ? 'pipe' : 'file', nextHop: what }
      : { transport: ownedTransports[kind], nextHop: formatOwned({ uid, target: what }) }
  // The same words of two users are served twice, each with his own rights.
  reach(gathering, `${transport.transport} ${transport.nextHop}`, {
    deliveredTo: walk.entry,
    sender: walk.sender,
    leaf: { kind: 'remote', address: walk.entry ?? walk.original, transport },
  })
}
