/** Neighbours in a line of the processor's memory: messages that are asked for together. */
const lineIds = 16

/**
 * Ids that follow each other lie together, in lines. Lines are strewn: where all ids lay in one row, each id that is
 * not there, but falls into the row when it is cut to the table's length, was looked for up to the row's end.
 */
export const firstPlaceOf = (id: number): number => {
  const line = Math.floor(id / lineIds)
  const strewn = Math.imul(line, 0x9e37_79b1) ^ (line / 2 ** 32)
  return (((strewn >>> 15) ^ strewn) * lineIds) | (id % lineIds)
}
