/** RFC 3463 §2: class 2, 4 or 5, subject and detail of at most three digits. */
const statusPattern = /^[245]\.\d{1,3}\.\d{1,3}$/

/** Whether text is a status code `5.1.1`. */
export const isStatus = (text: string): boolean => statusPattern.test(text)

/**
 * Status of a reply (`550`, `5.1.1 User unknown`): the one it names when its class fits the code, else the
 * code's general one, `5.0.0`. RFC 2034 §4.
 */
export const statusOfReply = (code: number, text: string): string => {
  const replyClass = Math.floor(code / 100)
  const statusClass = replyClass === 2 || replyClass === 4 ? replyClass : 5
  const first = text.trimStart().split(/[ \t\r\n]/, 1)[0] ?? ''
  return isStatus(first) && first.startsWith(`${statusClass}.`) ? first : `${statusClass}.0.0`
}

/** The same status in another class, `5.4.7` from `4.4.7`: a deferral that was given up. */
export const statusInClass = (status: string, statusClass: 2 | 4 | 5): string =>
  isStatus(status) ? `${statusClass}${status.slice(1)}` : `${statusClass}.0.0`
