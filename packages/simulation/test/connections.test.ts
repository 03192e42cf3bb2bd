import type { ConfigurationAt, Member } from "@eraft/core";
import { describe, expect, test } from "vitest";
import { Connections, type Introduction } from "../src/cluster/connections.ts";

const PEER = 1;
const OLD_DISK: Introduction = { life: 3, incarnation: "1/12" };
const NEW_DISK: Introduction = { life: 5, incarnation: "1/19" };

const knownBy = (incarnation: string): ConfigurationAt => {
  const members: Member[] = [{ id: PEER, address: "", standing: "voter", incarnation }];
  return { index: 141, configuration: { members } };
};

describe("the connections of a simulated server", () => {
  test("another disk than the configuration names is claimed once for each configuration", () => {
    const connections = new Connections();
    connections.met(PEER, NEW_DISK);
    expect(connections.claimOf(PEER, NEW_DISK, knownBy("1/12"))).toBe("1/19");
    expect(connections.claimOf(PEER, NEW_DISK, knownBy("1/12"))).toBeNull();
    expect(connections.claimOf(PEER, NEW_DISK, { ...knownBy("1/12"), index: 142 })).toBe("1/19");
  });

  // Seed 20263804: server 0 followed while server 1 came back with a new disk, got its vote back and voted. Then server 0 led, and took a message that had been
  // on its way for seven seconds for news: it demoted the disk that was there, in favour of one that was not.
  test("what a former life has sent introduces nobody, to a server either that met the later one before it led", () => {
    const connections = new Connections();
    connections.met(PEER, OLD_DISK);
    connections.met(PEER, NEW_DISK);
    connections.met(PEER, OLD_DISK);
    expect(connections.claimOf(PEER, OLD_DISK, knownBy("1/19"))).toBeNull();
  });

  // Seed 20264705: the entry that named the new disk was truncated, and its answers went on counting as those of the old one. A leader committed with them.
  test("a disk that the configuration named until an entry was truncated is not counted on any more", () => {
    const connections = new Connections();
    const { configuration: withNew } = knownBy("1/19");
    const { configuration: withOld } = knownBy("1/12");
    expect(connections.vouchFor(PEER, NEW_DISK, withNew)).toBe(true);
    expect(connections.vouchFor(PEER, NEW_DISK, withOld)).toBe(false);
    expect(connections.vouchFor(PEER, { life: 5, incarnation: null }, withOld)).toBe(true);
  });
});
