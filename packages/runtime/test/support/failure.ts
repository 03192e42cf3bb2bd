/** What `promise` rejects with, to be looked at later. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("It was to fail, and did not.");
}
