/** Index of the first of ascending UIDs that is not below `uid`; their count when all are. */
export const lowerBound = (uids: Uint32Array, uid: number): number => {
  let low = 0
  let high = uids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((uids[middle] as number) < uid) low = middle + 1
    else high = middle
  }
  return low
}
