# What type checkers and editors read of __init__.py: a test holds both equal.

from labkit.backoff import Backoff as Backoff
from labkit.backoff import RetryBudget as RetryBudget
from labkit.boundary import AsyncBoundary as AsyncBoundary
from labkit.boundary import Boundary as Boundary
from labkit.contracts import Answer as Answer
from labkit.contracts import ContractError as ContractError
from labkit.contracts import Evidence as Evidence
from labkit.contracts import Failure as Failure
from labkit.contracts import Outcome as Outcome
from labkit.contracts import PolicyLine as PolicyLine
from labkit.contracts import RotationDecision as RotationDecision
from labkit.contracts import Task as Task
from labkit.costs import RateCard as RateCard
from labkit.costs import Rates as Rates
from labkit.costs import cost as cost
from labkit.deadline import Deadline as Deadline
from labkit.deadline import Phases as Phases
from labkit.failures import Advice as Advice
from labkit.failures import CallFailed as CallFailed
from labkit.failures import Kind as Kind
from labkit.failures import LabkitError as LabkitError
from labkit.failures import classify as classify
from labkit.flow import Policy as Policy
from labkit.prompts import Models as Models
from labkit.records import Attempt as Attempt
from labkit.records import CallRecord as CallRecord
from labkit.usage import Usage as Usage

__version__: str
