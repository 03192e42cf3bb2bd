import type { Look } from "../client/admin.ts";
import { isSettled } from "../members/view.ts";
import { type Column, formatTable } from "./table.ts";

const COLUMNS: readonly Column[] = [
  { title: "ID", align: "right" },
  { title: "ADDRESS", align: "left" },
  { title: "STANDING", align: "left" },
  { title: "INCARNATION", align: "left" },
  { title: "", align: "left" },
];

/** Who belongs to the cluster, and how certain that is. */
export function formatMembers({ view, isLeaders }: Look): string {
  const { index, members, clusterId, leader, source } = view;
  const table = members.map(({ id, address, standing, incarnation }) => [
    String(id),
    address === "" ? "-" : address,
    standing,
    incarnation ?? "-",
    id === leader?.id ? "leads" : "",
  ]);
  const since = index === 0 ? "those it began with" : `as of log entry ${index}`;
  const remarks = [
    ...(isSettled(view) ? [] : ["A change is under way."]),
    ...(isLeaders ? [] : [`No leader answers: this is what node ${source.id} knows, and may be outdated.`]),
  ];
  return [
    `cluster ${clusterId ?? "without a name"}, members ${since}:\n`,
    formatTable(COLUMNS, table),
    ...remarks.map((remark) => `\n${remark}\n`),
  ].join("");
}

/** The same for programs; `settled` is false while a change is under way. */
export function membersJson({ view, isLeaders }: Look): string {
  const { index, members, clusterId, leader, isCommitted } = view;
  const json = {
    cluster_id: clusterId,
    index,
    committed: isCommitted,
    settled: isSettled(view),
    leader_id: leader?.id ?? null,
    from_leader: isLeaders,
    members: members.map(({ id, address, standing, incarnation }) => ({
      id,
      address,
      standing,
      incarnation,
    })),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
