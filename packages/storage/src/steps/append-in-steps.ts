import type { AppendItem, MailboxId, Placed, Uid } from '../contract.ts'
import type { Engine } from '../engine.ts'
import { append, appendable, newPlacements, stagedItems } from '../messages/append.ts'
import { placedOf } from '../messages/place.ts'
import { placeWith } from '../messages/placing.ts'
import { beginStaging, publishStaged, stage, takeBackStaged } from './staging-area.ts'

/** RFC 3502: all or nothing. Many messages are staged as copies are (`copyInSteps`), but where UIDs are wished for. */
export const appendInSteps = async (
  engine: Engine,
  mailboxId: MailboxId,
  items: readonly AppendItem[],
): Promise<readonly Placed[]> => {
  const { stepMessages } = engine
  if (items.length <= stepMessages || items.some(({ uid }) => uid !== undefined))
    return append(engine, mailboxId, items)
  const mailbox = appendable(engine, mailboxId, items)
  const area = await beginStaging(engine, mailboxId, items.length)
  const placed: Placed[] = []
  try {
    for (let at = 0; at < items.length; at += stepMessages) {
      const part = items.slice(at, at + stepMessages)
      const done = await placeWith(engine, stagedItems(engine, mailbox, part), (enter) =>
        engine.commit.runPart(
          (unit) => stage(engine, unit, area, newPlacements(engine, unit, mailbox, part, enter(unit))),
          'uses',
        ),
      )
      for (const placement of done) placed.push(placedOf(mailbox, placement))
    }
    const { uidsLower } = await engine.commit.run((unit) => publishStaged(engine, unit, area))
    return placed.map((each) => ({ ...each, uid: (each.uid - uidsLower) as Uid }))
  } catch (error) {
    await takeBackStaged(engine, area)
    throw error
  }
}
