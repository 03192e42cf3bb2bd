/** Each returns a sentence that says what is wrong with a number from the network, null if nothing is. */

export function notFrom(min: number, name: string, value: number): string | null {
  if (Number.isSafeInteger(value) && value >= min) return null;
  return `${name} must be from ${min} to 2^53 - 1, not ${value}`;
}

/** An index with the term of the entry there; both are 0 before the first entry, and no entry is newer than the request about it. */
export function notAPlaceInALog(
  indexName: string,
  index: number,
  termName: string,
  term: number,
  requestTerm: number,
): string | null {
  if (index === 0 && term !== 0) return `${indexName} is 0, so ${termName} must be 0, not ${term}`;
  if (index > 0 && term === 0) return `${indexName} is ${index}, so ${termName} must not be 0`;
  if (term > requestTerm) return `${termName} ${term} is above the request's term ${requestTerm}`;
  return null;
}

/** The term of entry `index`, which follows one of `previousTerm`. */
export function notAnEntryTerm(
  index: number,
  term: number,
  previousTerm: number,
  requestTerm: number,
): string | null {
  if (term < previousTerm) return `term ${term} of entry ${index} is below the ${previousTerm} before it`;
  if (term > requestTerm) {
    return `term ${term} of entry ${index} is above the request's term ${requestTerm}`;
  }
  return null;
}
