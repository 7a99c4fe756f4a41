// What a visitor can see in two minutes.
import { el } from "./dom.js";
import { showSheet } from "./raw.js";

const code = (text) => el("code", {}, text);

const steps = (command) => [
  ["Create a notebook.", ["Type ", code(`${command} create`), " and watch it start in the cloud on the right."]],
  ["Push the clock.", ["Press ", el("b", {}, "+1 h"), ": before the lease ends a warning comes to your direct messages."]],
  ["Extend it.", ["Press ", el("b", {}, "Extend"), " in the warning; the answer shows the end before and after."]],
  ["Ask for too much.", [code(`${command} extend NAME 24h the last epoch`), " goes beyond the policy and becomes a request."]],
  ["Approve it.", ["Act as the approver on the left, open the project's channel, decide."]],
  ["Leave it idle.", ["Switch the notebook to idle, push the clock: it is warned about first, then stopped, and the stop can be undone."]],
  ["See what it cost.", [code(`${command} cost`), " draws the chart."]],
  ["Link a cloud account.", ["Act as Ben, who has not yet: ", code(`${command} link`), " hands him a private page. His sign-in stands under the notebooks on the right."]],
];

export function showTour(command) {
  showSheet("Two-minute tour", el("ol", { class: "tour" },
    steps(command).map(([what, how]) => el("li", {}, el("strong", {}, what), " ", how))), "tour-sheet");
}
